"""What several operations ask of their arguments, so that they refuse in the same words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import InputError
from ..tensor import Tensor, as_tensor


def check_images(name: str, x: Any) -> Tensor:
    """`x` as a tensor (N, H, W, C); InputError if it has another number of dimensions."""
    x = as_tensor(x)
    if x.ndim != 4:
        raise InputError(
            f"{name} expects images of shape (N, H, W, C), got shape {x.shape}: "
            "add the missing dimension with reshape."
        )
    return x


def check_bias(name: str, b: Any, x: Tensor, channels: int) -> Tensor:
    """`b` as a tensor of x's dtype; InputError if it is not one number per output channel."""
    b = as_tensor(b, like=x)
    if b.shape != (channels,):
        raise InputError(f"{name} expects a bias of shape ({channels},), got shape {b.shape}.")
    return b


def check_axis(name: str, x: Tensor, axis: Any) -> int:
    """`axis` counted from the front; InputError if x does not have it."""
    if x.ndim == 0:
        raise InputError(f"{name} needs an axis, got a tensor without dimensions.")
    if not isinstance(axis, int | np.integer) or not -x.ndim <= axis < x.ndim:
        raise InputError(
            f"{name} expects axis to be an integer from {-x.ndim} to {x.ndim - 1} for shape {x.shape}, "
            f"got {axis!r}."
        )
    return int(axis) % x.ndim


def check_not_empty(name: str, x: Tensor, axes: tuple[int, ...]) -> None:
    """InputError if a reduction over `axes` would have nothing to reduce."""
    if any(x.shape[axis] == 0 for axis in axes):
        raise InputError(f"{name} of no elements is not defined: got shape {x.shape}.")
