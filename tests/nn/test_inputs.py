"""What every layer takes: a tensor, an array or lists of numbers; and what every layer refuses."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import DTypeError, InputError

LAYERS = [
    (lambda: nn.Conv2D(2, 3, 2), (2, 4, 4, 2)),
    (lambda: nn.DepthwiseConv2D(2, 2), (2, 4, 4, 2)),
    (lambda: nn.PointwiseConv2D(2, 3), (2, 4, 4, 2)),
    (lambda: nn.SeparableConv2D(2, 3, 2), (2, 4, 4, 2)),
    (lambda: nn.MaxPool2D(2), (2, 4, 4, 2)),
    (lambda: nn.AvgPool2D(2), (2, 4, 4, 2)),
    (lambda: nn.GlobalAvgPool2D(), (2, 4, 4, 2)),
    (lambda: nn.BatchNorm(2), (2, 4, 4, 2)),
    (lambda: nn.Flatten(), (2, 4, 4, 2)),
    (lambda: nn.Dense(3, 2), (2, 3)),
    (lambda: nn.ReLU(), (2, 3)),
    (lambda: nn.ReLU6(), (2, 3)),
    (lambda: nn.Sigmoid(), (2, 3)),
    (lambda: nn.Tanh(), (2, 3)),
    (lambda: nn.Softmax(), (2, 3)),
    (lambda: nn.Dropout(0.5), (2, 3)),
    (lambda: nn.Sequential(nn.Dropout(0.5), nn.ReLU()), (2, 3)),
]
EACH = pytest.mark.parametrize("build, shape", LAYERS, ids=[type(make()).__name__ for make, _ in LAYERS])
BOTH_MODES = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])


def test_no_layer_is_left_out():
    kinds = {type(build()) for build, _ in LAYERS}
    layers = {value for value in vars(nn).values() if isinstance(value, type)}
    assert {kind for kind in layers if issubclass(kind, nn.Module)} - kinds == {nn.Module}


@EACH
@BOTH_MODES
def test_lists_and_arrays_give_what_a_tensor_gives(build, shape, training):
    layer = build().train(training)
    array = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    outputs = []
    for x in (tn.Tensor(array), array, array.tolist()):
        tn.seed(0)
        outputs.append(layer(x))
    assert all(isinstance(output, tn.Tensor) for output in outputs)
    assert np.array_equal(outputs[0].numpy(), outputs[1].numpy())
    assert np.array_equal(outputs[0].numpy(), outputs[2].numpy())


@EACH
@BOTH_MODES
@pytest.mark.parametrize("dtype", [np.uint8, np.float16])
def test_other_dtypes_are_refused(build, shape, training, dtype):
    with pytest.raises(DTypeError, match=f"float32 or float64, got an array of {np.dtype(dtype)}"):
        build().train(training)(np.ones(shape, dtype))


@EACH
@BOTH_MODES
@pytest.mark.parametrize("value", [None, "image"])
def test_what_is_no_number_is_refused(build, shape, training, value):
    with pytest.raises(DTypeError, match=f"expects numbers, got {type(value).__name__}"):
        build().train(training)(value)


def test_the_shape_of_a_list_is_checked_as_that_of_a_tensor():
    with pytest.raises(InputError, match=r"Dense expects rows of 3 features, got shape \(1, 2\)"):
        nn.Dense(3, 2)([[1.0, 2.0]])


@pytest.mark.parametrize("layer", [nn.Flatten(), nn.Softmax()])
def test_a_single_number_is_refused_by_name(layer):
    with pytest.raises(InputError, match=rf"{type(layer).__name__} expects .* got shape \(\)"):
        layer(tn.Tensor(1.0))
