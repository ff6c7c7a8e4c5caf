"""What a tensor can be made from: arrays of two dtypes, numbers, lists of numbers, and nothing else.

A file of its own because it is all refusals. It knows tensors only by their base class, since `tensor.py`
stands on this file.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DTypeError
from .operators import Operators

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def float_array(value: Any) -> np.ndarray:
    """The array a tensor of `value` holds: float32 or float64 as it is, numbers and lists as float32."""
    if isinstance(value, np.ndarray):
        if value.dtype in DTYPES:
            return np.asarray(value)  # subclasses, such as matrices, have arithmetic of their own
        raise DTypeError(
            f"Tensor holds float32 or float64, got an array of {value.dtype}: convert it with "
            ".astype(np.float32) (divide bytes by 255); integer labels go straight to the loss."
        )
    if isinstance(value, np.float64):  # also a Python float, but somebody computed it in float64
        return np.asarray(value)
    return numbers(value, np.dtype(np.float32))


def numbers(value: Any, dtype: np.dtype) -> np.ndarray:
    """A number or nested lists of numbers as an array; DTypeError for anything else."""
    if _holds_tensor(value):
        raise DTypeError("Tensor got a list of tensors, whose graph would be lost: use tn.stack(tensors).")
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "iuf":
        raise DTypeError(
            f"Tensor expects numbers, got {type(value).__name__} {value!r:.60}: pass a NumPy array, a number "
            "or lists of numbers of equal length."
        )
    return array.astype(dtype)


def _holds_tensor(value: Any) -> bool:
    if not isinstance(value, list | tuple):
        return isinstance(value, Operators)
    return any(_holds_tensor(one) for one in value)
