"""Every layer, loss and optimiser beside PyTorch and Keras: kept results always, live ones if installed."""

from __future__ import annotations

import numpy as np
import pytest

from tinynet import fused, losses, nn, optim
from tinynet.interop import roundings

from . import make, ours, tolerance
from .cases import CASES, Case
from .conftest import WHERE
from .files import FRAMEWORKS, checksum, mobilenet_checksum, paths
from .numbers import numbers, units

DTYPES = (np.float64, np.float32)
MEANT_ALIKE = [
    (framework, case) for framework in FRAMEWORKS for case in CASES if framework in case.by
    and framework not in case.differs
]  # fmt: skip


def kept_by(expected: dict, case: Case) -> np.ndarray | None:
    """Which values a framework's dropout kept."""
    return expected["output"] != 0 if case.kind == "dropout" else None


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize(
    ("framework", "case"), [pytest.param(*pair, id=f"{pair[0]}, {pair[1].name}") for pair in MEANT_ALIKE]
)
def test_the_same_numbers(results, framework, case, where, dtype):
    expected = results(framework, where).of(case.name)
    actual = ours.run(case, dtype, kept_by(expected, case))
    assert set(actual) == set(expected)
    for name, limit in tolerance.allowed(case, expected).items():
        if tolerance.compared(framework, name):
            assert actual[name].shape == expected[name].shape, name
            assert actual[name].dtype == dtype, name
            assert units(actual[name], expected[name], dtype) <= limit, name


def check_mobilenet(golden, mode, dtype):
    expected = golden.of(f"mobilenet: {mode}")
    actual = ours.run_mobilenet(mode == "training", dtype)
    assert set(expected) <= set(actual)
    for name in expected:
        if tolerance.compared(golden.framework, name):
            own = golden.about["float32"][f"mobilenet: {mode} | {name}"]
            limit = roundings.through_a_network(own) + tolerance.of_storing(dtype)
            assert units(actual[name], expected[name], dtype) <= limit, name


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize("mode", ["training", "evaluation"])
def test_mobilenet(golden, mode, dtype):
    check_mobilenet(golden, mode, dtype)


@pytest.mark.parametrize(
    ("mode", "dtype"),
    [
        ("training", np.float64),
        ("training", np.float32),
        ("evaluation", np.float64),
        ("evaluation", np.float32),
    ],
)
def test_mobilenet_layer_by_layer(golden, mode, dtype):
    with fused.disabled():
        check_mobilenet(golden, mode, dtype)


# What the comparison is worth


def test_the_files_were_made_from_these_inputs(golden):
    inputs = {case.name: checksum(case) for case in CASES if golden.framework in case.by}
    assert golden.about["inputs"] == {**inputs, "mobilenet": mobilenet_checksum()}


def test_the_files_say_which_versions_made_them(golden):
    versions = golden.about["versions"]
    assert {golden.framework, "numpy", "python"} <= set(versions) and all(versions.values())


def test_the_files_are_small():
    assert sum(path.stat().st_size for name in FRAMEWORKS for path in paths(name)) < 3e6


LAYERS = {
    "conv": nn.Conv2D,
    "depthwise": nn.DepthwiseConv2D,
    "pointwise": nn.PointwiseConv2D,
    "separable": nn.SeparableConv2D,
    "dense": nn.Dense,
    "flatten": nn.Flatten,
    "max_pool": nn.MaxPool2D,
    "avg_pool": nn.AvgPool2D,
    "global_average": nn.GlobalAvgPool2D,
    "batch_norm": nn.BatchNorm,
    "dropout": nn.Dropout,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softmax": nn.Softmax,
}


def test_every_layer_loss_and_optimiser_has_a_case_in_both_frameworks():
    public = {getattr(nn, name) for name in nn.__all__}
    layers = {kind for kind in public if isinstance(kind, type) and issubclass(kind, nn.Module)}
    assert set(LAYERS.values()) == layers - {nn.Module, nn.Sequential}
    rules = {
        name
        for name in optim.__all__
        if isinstance(kind := getattr(optim, name), type) and issubclass(kind, optim.Optimizer)
    }
    for framework in FRAMEWORKS:
        alike = [case for name, case in MEANT_ALIKE if name == framework]
        kinds = {case.kind for case in alike}
        # Flattened images differ in PyTorch, where the channels come first: test_differences has them.
        assert kinds | {"flatten"} >= {*LAYERS, "cross_entropy", "binary_cross_entropy"}
        assert {case.options["rule"] for case in alike if case.kind == "optimiser"} == rules - {"Optimizer"}
    assert {"cross_entropy", "binary_cross_entropy"} == {name for name in dir(losses) if "entropy" in name}


def test_names_of_cases_differ():
    assert len({case.name for case in CASES}) == len(CASES)


def test_no_tolerance_lets_a_difference_of_one_in_a_hundred_thousand_pass(golden):
    for case in CASES:
        if golden.framework in case.by:
            limits = tolerance.allowed(case, golden.of(case.name))
            assert max(limits.values()) * np.finfo(np.float32).eps < 1e-5, case.name


def test_rounding_decides_no_relu_of_mobilenet():
    """Else a float32 gradient would be right and far from the float64 one; weights are chosen so."""
    for exact, rounded in zip(ours.before_relu(np.float64), ours.before_relu(np.float32), strict=True):
        assert np.abs(exact).min() > 2 * np.abs(rounded - exact).max()


def test_one_unit_is_the_rounding_of_the_largest_number():
    expected = np.array([1.0, -4.0])
    moved = np.array([1.0, -4.0 + 4 * np.finfo(np.float32).eps])
    assert units(moved, expected, np.float32) == 1.0
    assert units(expected, expected, np.float32) == 0.0
    assert units(np.array([1e-30]), np.zeros(1), np.float32) == np.inf


def test_inputs_depend_on_their_name_alone():
    first = numbers("x", 3)
    assert (first * 2**22).tolist() == FIRST_OF_X
    assert numbers("x", 5)[:3].tolist() == first.tolist() != numbers("y", 3).tolist()
    many = numbers("many", 100, 100)
    assert abs(many.mean()) < 0.05 and abs(many.var() - 4 / 3) < 0.05 and np.abs(many).max() <= 2


FIRST_OF_X = [-8021211.0, -7574906.0, -1593397.0]


def test_a_folder_that_does_not_exist_is_refused_before_any_work(tmp_path, capsys):
    assert make.main(["torch", "--out", str(tmp_path / "nowhere")]) == 2
    assert "--out expects a folder that exists" in capsys.readouterr().err
