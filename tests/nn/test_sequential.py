import numpy as np
import pytest

import tinynet as tn
from tinynet import nn
from tinynet.errors import DTypeError, InputError


def small():
    return nn.Sequential(
        nn.Conv2D(1, 4, kernel_size=3), nn.ReLU(), nn.MaxPool2D(2), nn.Flatten(), nn.Dense(36, 2)
    )


def test_layers_are_applied_in_order():
    model = nn.Sequential(nn.ReLU(), nn.Dense(2, 1, bias=False), nn.ReLU())
    with model[1].weight._writing() as weight:
        weight[...] = [[-1.0], [-2.0]]
    assert model(tn.Tensor([[-3.0, 0.5]])).item() == 0.0  # relu, then -2 * 0.5, then relu


def test_it_can_be_measured_indexed_sliced_and_iterated():
    model = small()
    assert len(model) == 5
    assert list(model) == model.layers
    assert isinstance(model[-1], nn.Dense)
    head = model[3:]
    assert isinstance(head, nn.Sequential)
    assert head[1] is model[4]


def test_a_list_is_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"got \[ReLU\(\)\] at position 0: .*Sequential\(\*layers\)"):
        nn.Sequential([nn.ReLU()])


def test_names_are_paths():
    assert list(small().state_dict()) == [
        "layers.0.weight",
        "layers.0.bias",
        "layers.4.weight",
        "layers.4.bias",
    ]


def test_static_shape_is_the_real_one():
    x = tn.Tensor(np.zeros((3, 8, 8, 1), np.float32))
    assert small()(x).shape == (3, *small().output_shape((8, 8, 1)))


def test_multiply_adds_are_summed():
    assert small().multiply_adds((8, 8, 1)) == 6 * 6 * 9 * 4 + 36 * 2


def test_steps_show_the_shape_before_and_after_each_layer():
    shapes = [(before, after) for _, before, after in small().steps((8, 8, 1))]
    assert shapes[0] == ((8, 8, 1), (6, 6, 4))
    assert shapes[2] == ((6, 6, 4), (3, 3, 4))
    assert shapes[-1] == ((36,), (2,))


def test_a_shape_error_says_which_layer():
    with pytest.raises(InputError, match="Layer 4 of Sequential: Dense expects rows of 36"):
        small().output_shape((10, 10, 1))
    with pytest.raises(InputError, match=r"Layer 2 of Sequential: MaxPool2D\(2\) cannot take"):
        small().output_shape((3, 3, 1))


def test_a_shape_error_says_which_layer_when_it_runs_too():
    with pytest.raises(InputError, match="Layer 4 of Sequential: Dense expects rows of 36"):
        small()(np.zeros((1, 10, 10, 1), np.float32))
    with pytest.raises(InputError, match=r"Layer 2 of Sequential: MaxPool2D\(2\) cannot take"):
        small()(np.zeros((1, 3, 3, 1), np.float32))


def test_a_dtype_error_stays_one():
    with pytest.raises(DTypeError, match="Layer 0 of Sequential: .*uint8"):
        small()(np.zeros((1, 8, 8, 1), np.uint8))


def test_repr_is_nested_and_builds_the_same_again():
    model = nn.Sequential(nn.Conv2D(1, 32, kernel_size=3), nn.Sequential(nn.ReLU(), nn.Dropout(0.5)))
    text = (
        "Sequential(\n  Conv2D(1, 32, kernel_size=3),\n  Sequential(\n    ReLU(),\n    Dropout(0.5),\n  ),\n)"
    )
    assert repr(model) == text
    assert repr(eval(text, vars(nn))) == text


def test_a_class_in_place_of_a_layer_is_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"write Flatten\(\), with its arguments"):
        nn.Sequential(nn.Flatten)


def test_channels_first_are_recognised():
    with pytest.raises(InputError, match=r"channels come last, move them with transpose\(0, 2, 3, 1\)"):
        nn.Conv2D(3, 4, 3)(np.zeros((2, 3, 8, 8), np.float32))
    with pytest.raises(InputError, match=r"transpose\(1, 2, 0\)"):
        nn.Conv2D(3, 4, 3).output_shape((3, 8, 8))
