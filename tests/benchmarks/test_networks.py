"""The network that all peers build: its description, tinynet's own part of the task, and its layers."""

import ast
from pathlib import Path

import numpy as np
import pytest

import benchmarks
from benchmarks import layerwise, process
from benchmarks.cases import CASES, chosen
from benchmarks.description import describe
from benchmarks.peers import ours
from tinynet import models, nn
from tinynet.errors import InputError
from tinynet.kernels import threads
from tinynet.report.limit import Limit

PLACES = Path(benchmarks.__file__).parent


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_description_holds_all_parameters_and_shapes_that_fit(case):
    model = models.build(case.network.model, **case.network.options)
    layers, arrays = describe(model, model.input_shape)
    assert sum(array.size for array in arrays.values()) == model.parameter_count()
    assert layers[0]["input"] == list(model.input_shape) and layers[-1]["output"] == [model.classes]
    for layer, following in zip(layers, layers[1:], strict=False):
        assert layer["output"] == following["input"]


def test_a_separable_convolution_is_described_as_two():
    model = nn.Sequential(nn.SeparableConv2D(3, 8, kernel_size=3, padding="same"), nn.Flatten())
    layers, arrays = describe(model, (6, 6, 3))
    assert [layer["kind"] for layer in layers] == ["depthwise", "convolution", "flatten"]
    assert layers[0]["pads"] == [[1, 1], [1, 1]]
    assert arrays[layers[1]["arrays"]["weight"]].shape == (1, 1, 3, 8)
    assert list(layers[1]["arrays"]) == ["weight", "bias"]


def test_a_layer_that_nobody_was_taught_is_refused():
    with pytest.raises(InputError, match="cannot describe Tanh"):
        describe(nn.Sequential(nn.Tanh()), (4, 4, 1))


def imports(path):
    """The modules that a file imports, those of its own package by their last name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_nothing_of_tinynet_gets_into_a_rivals_process():
    rivals = [path for path in (PLACES / "peers").glob("*.py") if path.name != "ours.py"]
    assert len(rivals) == 4
    for path in [PLACES / "__init__.py", PLACES / "worker.py", *rivals]:
        assert not {"tinynet", "numba", "process", "description"} & set(imports(path)), path


@pytest.fixture
def as_before(monkeypatch):
    """The number of threads is put back."""
    monkeypatch.setattr(threads, "_chosen", threads.num_threads())


def built(kind, part=None):
    with process.task(kind, "compact-cnn", {}, batch=4, part=part) as work:
        return ours.build({**work, "variant": "", "threads": 1})


def test_a_training_step_is_that_of_the_trainer(as_before):
    program = built("training")
    before = program.model.state_dict()
    assert program.parameters == 33_194 and program.output().shape == (2, 10)
    assert program.run(3)["step"] > 0 and program.trainer.steps == 3
    after = program.model.state_dict()
    assert any((before[name] != after[name]).any() for name in before)


def test_the_network_is_the_described_one_and_batches_differ(as_before):
    with process.task("training", "compact-cnn", {}, batch=4) as work:
        program = ours.build({**work, "variant": "", "threads": 1})
        with np.load(work["weights"]) as arrays:
            np.testing.assert_array_equal(arrays["0.weight"], program.model[0].weight.numpy())
    assert program.images.shape == (4, 4, 28, 28, 1) and program.labels.shape == (4, 4)
    assert not np.array_equal(program.images[0], program.images[1])


def test_inference_keeps_no_graph_and_evaluates(as_before):
    program = built("inference")
    assert program.run(2)["step"] > 0
    assert not any(module.training for _, module in program.model.named_modules())


def test_a_layer_alone_is_timed_forward_and_backward(as_before):
    program = built("layer", part=(3, 4))
    assert program.images.shape == (1, 4, 13, 13, 16)
    times = program.run(2)
    assert times["forward"] > 0 and times["backward"] > 0
    assert program.x.grad.shape == (4, 13, 13, 16)
    assert program.model[0].weight.grad is not None


def test_the_first_layer_needs_no_gradient_of_the_images(as_before):
    program = built("layer", part=(0, 1))
    program.run(1)
    assert program.x.grad is None and program.model[0].weight.grad is not None


# The layers of a network


def test_layers_that_are_alike_are_measured_once():
    found = layerwise._distinct(models.build("mobilenet", width=0.25, resolution=128, classes=10))
    repeated = [count for _, layer, shapes, count in found if repr(layer).startswith("DepthwiseConv2D(128")]
    assert sorted(repeated) == [1, 5]  # with stride 2 once
    assert sum(count for *_, count in found) == 1 + 26 + 27 + 27 + 2


def test_the_work_of_a_layer_is_counted_from_its_shapes():
    layer = nn.Conv2D(2, 4, kernel_size=3, padding="same")
    shapes = ((8, 8, 2), (8, 8, 4))
    products, weights = 5 * 64 * 2 * 4 * 9, 2 * 4 * 9 + 4
    inputs, outputs = 5 * 64 * 2, 5 * 64 * 4
    work = layerwise._work(layer, shapes, batch=5, first=False)
    assert work["flops"] == 2 * products * 3
    assert work["bytes"] == 4 * ((inputs + weights + outputs) + (outputs + 2 * inputs + 2 * weights))
    first = layerwise._work(layer, shapes, batch=5, first=True)
    assert first["flops"] == 2 * products * 2 and work["bytes"] - first["bytes"] == 4 * inputs


def test_a_layer_is_named_in_few_words():
    text = layerwise._text(nn.Conv2D(1, 8, kernel_size=3, stride=2), ((9, 9, 1), (4, 4, 8)))
    assert text == "Conv2D 1 to 8, 3x3, stride 2"
    assert layerwise._text(nn.ReLU(), ((9, 9, 1), (9, 9, 1))) == "ReLU 1"


def test_the_table_of_layers_adds_them_up():
    def times(ours, theirs):
        return {
            "tinynet": {"forward": ours, "backward": ours, "variant": ""},
            "pytorch": {"forward": theirs, "backward": theirs, "variant": "NHWC"},
        }

    row = {"layer": "Dense 2 to 3", "input": [2], "count": 2, "flops": 6_000_000, "bytes": 1_000_000}
    other = {"layer": "ReLU 3", "input": [4, 4, 3], "count": 1, "flops": 0, "bytes": 2_000_000}
    record = {
        "rows": [{**row, "peers": times(1.0, 2.0)}, {**other, "peers": times(0.5, 0.25)}],
        "whole": times(1.5, 3.0),
        "limit": Limit(flops=6e9, bytes=4e9, threads=2)._asdict(),
    }
    table = layerwise.table(record)
    assert {len(line) for line in table} == {len(table[0])}
    assert table[1] == [
        "Dense 2 to 3", "2", "2", "1.000", "1.000", "2.000", "2.000", "2.00", "3.0", "0.5", "50%",
    ]  # fmt: skip
    assert table[2][-4:] == ["0.50", "", "2.0", "50%"]
    assert table[3][3:8] == ["2.500", "2.500", "4.250", "4.250", "1.70"]
    assert table[4][0] == "the network as a whole" and table[4][7] == "2.00"


def test_a_case_for_the_layers_is_found_by_a_word():
    assert layerwise.chosen("separable", CASES).name == "train-separable-cnn-128"
    assert layerwise.chosen(None, CASES) in chosen(["train-mobilenet-0.25"])
