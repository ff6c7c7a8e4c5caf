"""The comparison finds what differs, names it, and calls equal what is equal."""

import json

import numpy as np
import pytest

from tinynet import models, nn
from tinynet.commands import compare as command
from tinynet.interop import compare, compare_training, frameworks, roundings, sides
from tinynet.interop.plain import plain_layers
from tinynet.report import comparison, style


def needs(*names):
    missing = [sentence for sentence in map(frameworks.missing, names) if sentence]
    return pytest.mark.skipif(bool(missing), reason="; ".join(missing) or "installed")


SIDES = [
    pytest.param("torch", marks=needs("torch")),
    pytest.param("keras", marks=needs("keras")),
    pytest.param("onnx", marks=needs("onnx", "onnxruntime")),
]


def network():
    """An uneven padding, a bias before a batch norm, a Flatten before a dense layer."""
    return nn.Sequential(
        nn.Conv2D(2, 4, kernel_size=3, stride=2, padding="same"),
        nn.BatchNorm(4),
        nn.ReLU(),
        nn.SeparableConv2D(4, 6, kernel_size=3, padding="same"),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Dense(24, 5),
    )


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.random((8, 8, 8, 2), dtype=np.float32), rng.integers(0, 5, 8)


# What a difference is


def test_a_difference_is_measured_by_the_largest_magnitude():
    found = compare.difference(np.array([4.0, 1.0]), np.array([4.0, 1.5]))
    assert found == (0.5, 0.125)
    assert compare.difference(np.zeros(2), np.zeros(2)) == (0.0, 0.0)
    assert compare.difference(np.zeros(2), np.ones(2)) == (1.0, np.inf)


@pytest.mark.parametrize("theirs", [np.array([1.0, np.nan]), np.zeros(3), np.array([1.0, np.inf])])
def test_what_is_no_number_or_of_another_shape_is_infinitely_far(theirs):
    assert compare.difference(np.ones(2), theirs) == (np.inf, np.inf)


def row(name, activation=0.0, gradient=0.0, **more):
    limit = {"activation": 1e-6, "gradient": 1e-6}
    found = {
        kind: {"absolute": value, "relative": value}
        for kind, value in (("activation", activation), ("gradient", gradient))
    }
    times = {"forward": [1.0, 2.0], "backward": [1.0, 2.0]}
    chained = {"activation": 1e-6, "gradient": None}
    return {
        "layer": name, "output": [4, 4, 2], "limit": limit, "chained": chained, "milliseconds": times,
        **found, **more,
    }  # fmt: skip


def test_the_first_layer_to_part_is_the_first_forward_and_the_last_backward():
    assert compare.first_parted([row("a"), row("b")]) is None
    assert compare.first_parted([row("a"), row("b", activation=1.0), row("c", activation=1.0)]) == "b"
    assert compare.first_parted([row("a", gradient=1.0), row("b", gradient=1.0), row("c")]) == "b"
    assert compare.first_parted([row("a", gradient=1.0), row("b", activation=np.inf)]) == "b"
    whole = row("whole", gradient=1.0, loss={})
    assert compare.first_parted([row("a", gradient=1.0), whole]) == "a"
    assert compare.first_parted([row("a"), whole]) == "whole"


# Beside the frameworks


@pytest.mark.parametrize("framework", SIDES)
def test_a_network_agrees_with_its_equal(framework, batch):
    record = compare.compare_layers(framework, network(), *batch)
    assert record["parted"] is None and len(record["rows"]) == (10 if framework == "onnx" else 11)
    assert all(row["activation"]["relative"] < 1e-4 for row in record["rows"])
    assert record["rows"][1]["activation"]["absolute"] > 0  # they are two programs
    json.dumps(record, allow_nan=False)


FAULT = 1 + 3e-4  # a few parts in ten thousand


def with_a_fault(right, at, what):
    """A side's method `layer` that is wrong at one place: in its output, or in one of its gradients."""

    def wrong(self, place, x, grad=None):
        measured = right(self, place, x, grad)
        if place == at and what == "output":
            return measured._replace(output=measured.output * np.float32(FAULT))
        if place == at and what in measured.gradients:
            gradient = measured.gradients[what] * np.float32(FAULT)
            return measured._replace(gradients={**measured.gradients, what: gradient})
        return measured

    return wrong


@pytest.mark.parametrize("framework", SIDES)
@pytest.mark.parametrize("what", ["output", "weight"])
def test_a_layer_that_computes_something_else_is_named(framework, what, batch, monkeypatch):
    if (framework, what) == ("onnx", "weight"):
        pytest.skip("ONNX Runtime has no gradients that could differ")
    side = type(sides.open_side(framework, compare.prepared(network(), batch[0], framework != "onnx")))
    monkeypatch.setattr(side, "layer", with_a_fault(side.layer, 3, what))
    record = compare.compare_layers(framework, network(), *batch)
    assert record["parted"] == "3 DepthwiseConv2D"
    assert "!" in comparison.table(record).splitlines()[4]


# Beside itself, so that a fault stands alone


class Twin(sides.Ours):
    label = "twin"
    network = sides.Ours.network  # as it is, when a test exchanges ours


@pytest.fixture
def twin(monkeypatch):
    monkeypatch.setattr(compare, "open_side", lambda framework, problem, otherwise=False: Twin(problem))
    monkeypatch.setattr(compare, "REPEATS", 1)


def test_two_that_compute_the_same_do_not_part(twin, batch):
    record = compare.compare_layers("torch", network(), *batch)
    assert record["parted"] is None
    assert all(row["activation"]["absolute"] == 0 for row in record["rows"])


ARRAYS = {
    "0 Conv2D": ("output", "input", "weight"),
    "1 BatchNorm": ("output", "input", "gamma"),
    "2 ReLU": ("output", "input"),
    "3 DepthwiseConv2D": ("output", "input", "weight"),
    "4 PointwiseConv2D": ("output", "input", "weight"),
    "5 MaxPool2D": ("output", "input"),
    "8 Dense": ("output", "input", "weight"),
}


@pytest.mark.parametrize(("name", "what"), [(name, what) for name, all in ARRAYS.items() for what in all])
def test_a_fault_of_a_few_parts_in_ten_thousand_is_named(twin, batch, monkeypatch, name, what):
    monkeypatch.setattr(Twin, "layer", with_a_fault(Twin.layer, int(name[0]), what))
    record = compare.compare_layers("torch", network(), *batch)
    assert record["parted"] == name


@pytest.mark.parametrize("model", ["mobilenet-28", "separable-cnn", "compact-cnn"])
def test_no_layer_of_a_batch_of_128_may_differ_by_so_much(model):
    model = models.build(model)
    for layer, before, after in plain_layers(model, model.input_shape):
        counts = roundings.of_layer(layer, before, (128, *after))
        limit = roundings.apart(max(counts.values())) * np.finfo(np.float32).eps
        assert limit < FAULT - 1, layer


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_fault_of_what_only_the_whole_network_runs_is_named(twin, batch, monkeypatch, dtype):
    right = sides.Ours.network

    def wrong(self, images, labels):
        measured = right(self, images, labels)
        factor = FAULT if images.dtype == dtype else 1.0
        return measured._replace(output=measured.output * images.dtype.type(factor))

    monkeypatch.setattr(sides.Ours, "network", wrong)
    record = compare.compare_layers("torch", network(), *batch)
    assert record["parted"] == f"the network as a whole, {dtype}"


@pytest.mark.parametrize("framework", SIDES[:2])
def test_trainings_from_one_start_stay_together(framework, batch):
    weights = network().state_dict()
    record = compare_training.compare_training(framework, lambda: network_of(weights), [batch] * 4)
    assert record["parted"] is None and record["within"]["tinynet"] == 4
    losses = list(record["losses"].values())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert losses[0][-1] != losses[0][0] and 0 < record["float32"]["tinynet"]["weights"][-1] < 1e-4
    assert 0 < record["float64"]["tinynet"]["weights"][-1] < 1e-12


def test_a_network_is_warmed_up_by_a_step_of_adam_on_each_batch(batch):
    model = network()
    before = [parameter.numpy().copy() for parameter in model.parameters()]
    assert compare_training.warmed_up(model, [batch]) is model
    moved = [np.abs(one - other.numpy()).max() for one, other in zip(before, model.parameters(), strict=True)]
    assert max(moved) == pytest.approx(compare_training.WARM_UP_LR, rel=1e-3)  # as far as a first step goes


def network_of(state):
    model = network()
    model.load_state_dict(state)
    return model


def curves(ours, itself, loss=0.0):
    return {name: {"loss": [loss, loss], "weights": [value, value]}
            for name, value in (("tinynet", ours), ("itself", itself))}  # fmt: skip


def said(float32, float64):
    return compare_training.verdict({"float32": float32, "float64": float64}, "PyTorch", "its other format")


def test_trainings_in_float32_may_part_as_fast_as_a_framework_from_itself():
    near, far = curves(1e-3, 1e-3), curves(1e-2, 1e-3)
    assert said(near, near) is None
    sentence = "training in float32, where the weights end 10.0 times as far from PyTorch's"
    assert said(far, near).startswith(sentence)


def test_losses_in_float64_have_to_stay_together_whatever_the_framework_does():
    near = curves(1e-3, 1e-3)
    assert said(near, curves(1e-9, 1e-9, loss=1e-9)) is None
    parted = curves(1e-9, 1e-9, loss=1e-8)
    sentence = "step 1 of training in float64, where the losses differ by 1.0e-08, more than 1e-09. PyTorch "
    assert said(near, parted).startswith(sentence + "(its other format) parts from itself at the same step, ")
    parted["itself"]["loss"] = [0.0, 1e-8]
    assert "parts from itself later, at step 2: a lower learning rate" in said(near, parted)
    parted["itself"]["loss"] = [0.0, 0.0]
    assert said(near, parted).endswith("does not part from itself")
    parted["tinynet"]["loss"] = [0.0, float("nan")]
    assert said(near, parted).startswith("step 2 ")


def test_rounding_below_the_precision_is_no_distance():
    assert compare_training.final_ratio(curves(1e-7, 0.0), "float32") == 1.0


# Table and pictures


def record_of_layers():
    rows = [row("0 Conv2D", 0.0, 2e-7), row("1 ReLU", np.inf, 0.0), row("whole", loss={})]
    return {"framework": "PyTorch", "rows": rows}


def test_the_table_marks_what_exceeds_its_limit():
    lines = comparison.table(record_of_layers()).splitlines()
    assert lines[1].split()[:2] == ["0", "Conv2D"] and "!" not in lines[1] and "2.0e-07" in lines[1]
    assert "inf!" in lines[2] and "1.00 / 2.00" in lines[3]


def test_the_pictures_are_drawn_with_axes_of_plain_numbers():
    figure = comparison.layers_figure(record_of_layers(), subtitle="")
    assert style.to_png(figure)[1:4] == b"PNG"
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert "1e-6" in labels and not any("$" in label for label in labels)
    both = {name: curves(1e-3, 0.0) for name in ("float32", "float64")}
    training = {
        "framework": "PyTorch", "other_way": "itself", "steps": 2, "limits": {"float64_loss": 1e-9},
        "losses": {"tinynet": [2.0, 1.0], "PyTorch": [2.0, 1.0]}, **both,
    }  # fmt: skip
    assert style.to_png(comparison.training_figure(training, subtitle=""))[1:4] == b"PNG"


def test_a_record_becomes_json_whatever_came_out():
    record = command._finite({"a": [np.inf, 1.0], "b": {"c": float("nan")}})
    assert json.dumps(record, allow_nan=False) == '{"a": [null, 1.0], "b": {"c": null}}'
