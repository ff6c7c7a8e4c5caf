"""Sizes and padding, against the numbers Keras gives."""

from __future__ import annotations

import numpy as np
import pytest

from tinynet.errors import InputError
from tinynet.kernels.geometry import output_size, pair, resolve_padding, tap_ranges, window


def test_pair_takes_one_number_or_two():
    assert pair(3, "stride") == (3, 3)
    assert pair((2, 3), "stride") == (2, 3)
    assert pair([2, np.int64(3)], "stride") == (2, 3)


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", (1, 2, 3), (1,), None, True, (2, 0), (2, True)])
def test_pair_refuses_anything_else_and_names_the_argument(value):
    with pytest.raises(InputError, match="kernel_size must be"):
        pair(value, "kernel_size")


# size, kernel, stride -> (before, after), output size, from keras.layers.Conv2D(padding="same").
KERAS_SAME = [
    (28, 3, 1, (1, 1), 28),
    (28, 3, 2, (0, 1), 14),
    (7, 3, 2, (1, 1), 4),
    (224, 3, 2, (0, 1), 112),
    (5, 2, 1, (0, 1), 5),
    (6, 5, 3, (1, 1), 2),
    (5, 1, 2, (0, 0), 3),
    (10, 2, 2, (0, 0), 5),
    (1, 3, 2, (1, 1), 1),
]


@pytest.mark.parametrize(("size", "kernel", "stride", "pads", "outputs"), KERAS_SAME)
def test_same_padding_is_that_of_keras(size, kernel, stride, pads, outputs):
    got = resolve_padding("same", (size, 9), (kernel, 1), (stride, 1))
    assert got == (pads, (0, 0))
    assert output_size((size, 9), (kernel, 1), (stride, 1), got) == (outputs, 9)


def test_height_and_width_are_not_mixed_up():
    assert resolve_padding("same", (8, 7), (3, 5), (2, 1)) == ((0, 1), (2, 2))
    assert output_size((8, 7), (3, 5), (2, 1), ((0, 1), (2, 2))) == (4, 7)


def test_padding_as_numbers():
    assert resolve_padding("valid", (5, 5), (3, 3), (1, 1)) == ((0, 0), (0, 0))
    assert resolve_padding(2, (5, 5), (3, 3), (1, 1)) == ((2, 2), (2, 2))
    assert resolve_padding(((1, 2), [3, 0]), (5, 5), (3, 3), (1, 1)) == ((1, 2), (3, 0))


@pytest.mark.parametrize("padding", ["SAME", -1, 1.5, True, None, (1, 1), ((1, 1),), ((1, -1), (0, 0))])
def test_other_padding_is_refused(padding):
    with pytest.raises(InputError, match="padding must be"):
        resolve_padding(padding, (5, 5), (3, 3), (1, 1))


def test_a_window_larger_than_the_padded_image_is_refused():
    with pytest.raises(InputError, match="5x5 does not fit into an image of 4x6"):
        output_size((2, 4), (5, 5), (1, 1), ((1, 1), (1, 1)))


def test_an_empty_image_is_refused():
    with pytest.raises(InputError, match="at least one pixel"):
        output_size((0, 4), (1, 1), (1, 1), ((0, 0), (0, 0)))


@pytest.mark.parametrize("size", [1, 2, 5, 8])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("before", [0, 1, 2, 4])
def test_tap_ranges_hold_the_outputs_that_read_inside(size, kernel, stride, before):
    if kernel > size + before + 1:
        return
    pads = ((0, 0), (before, 1))
    outputs = output_size((1, size), (1, kernel), (1, stride), pads)[1]
    want = {
        (kw, ow)
        for ow in range(outputs)
        for _, kw, _, _ in window((0, ow), (1, kernel), (1, stride), pads, (1, size))
    }
    ranges = tap_ranges(size, kernel, stride, before, outputs)
    got = {(k, ow) for k, (first, last) in enumerate(ranges) for ow in range(first, last)}
    assert got == want
