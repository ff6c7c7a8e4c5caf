"""Matrix products inside compiled loops, from the BLAS that NumPy brings along.

    multiply(a, b, y)         y  = a b
    multiply_add(a, b, y)     y += a b

Shapes: a (R, K), b (K, O), y (R, O), of one dtype, float32 or float64. Rows lie without gaps in memory, but
from row to row there may be one; `a` and `b` may be transposed views, `x.T` of such an array.

Numba's own `np.dot` calls SciPy's BLAS instead, copies what is not contiguous, and cannot add. Where both are
builds of OpenBLAS, NumPy's has been measured 15 to 30 % faster at the products of a pointwise convolution's
weight gradient, a.T b, and equal or better elsewhere; a kernel that calls it directly also compiles sooner.
Where NumPy's library has none of the known functions, `np.dot` it is.
"""

# ruff: noqa: E741  (O is the shape letter of output channels)
from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import llvmlite.binding as llvm
import numba
import numpy as np
from numba import types
from numba.extending import overload

# The C interface of BLAS, with whole numbers of 64 bits as NumPy's own builds have it, or of 32. A name
# without the number may stand for either: it is taken only where NumPy says that it uses 32.
_NAMES = [
    ("scipy_cblas_{}gemm64_", 64),
    ("cblas_{}gemm64_", 64),
    ("scipy_cblas_{}gemm", 32),
    ("cblas_{}gemm", 32),
]
_ROW_BY_ROW, _AS_IT_IS, _TRANSPOSED = 101, 111, 112  # what C's header calls CblasRowMajor, NoTrans and Trans


class _Interface(NamedTuple):
    """How the functions of NumPy's library are called."""

    name: str
    bits: int  # of a whole number


def _find() -> _Interface | None:
    """Look for the functions, and tell the compiler their addresses under names of our own."""
    try:
        core = importlib.import_module("numpy._core._multiarray_umath")
        library = ctypes.CDLL(core.__file__)  # knows the functions of the libraries it needs
        wide = getattr(importlib.import_module("numpy.linalg._umath_linalg"), "_ilp64", True)
    except (ImportError, OSError):
        return None
    for name, bits in _NAMES:
        if bits == 32 and wide:
            continue
        if all(hasattr(library, name.format(letter)) for letter in "sd"):
            for letter in "sd":
                address = ctypes.cast(getattr(library, name.format(letter)), ctypes.c_void_p).value
                llvm.add_symbol(f"tinynet_{letter}gemm", address)
            return _Interface(name, bits)
    return None


INTERFACE = _find()


def multiply(a, b, y):
    """y = a b."""
    y[:] = a @ b


def multiply_add(a, b, y):
    """y += a b."""
    y += a @ b


@overload(multiply)
def _compiled_multiply(a, b, y):
    if INTERFACE:
        return _product(a, b, y, 0.0)

    def by_numba(a, b, y):
        y[:] = np.dot(_contiguous(a), _contiguous(b))

    def by_numba_in_place(a, b, y):
        np.dot(_contiguous(a), _contiguous(b), y)

    return by_numba_in_place if y.layout == "C" else by_numba


@overload(multiply_add)
def _compiled_multiply_add(a, b, y):
    if INTERFACE:
        return _product(a, b, y, 1.0)

    def by_numba(a, b, y):
        y += np.dot(_contiguous(a), _contiguous(b))

    return by_numba


def _contiguous(matrix):
    """A matrix as `np.dot` takes it, which is a copy only where there are gaps."""


@overload(_contiguous)
def _compiled_contiguous(matrix):
    if matrix.layout in ("C", "F"):
        return lambda matrix: matrix
    return lambda matrix: np.ascontiguousarray(matrix)


def _product(a: Any, b: Any, y: Any, kept: float) -> Callable:
    """y = a b + kept y, for arrays of the given types."""
    if y.layout == "F":
        raise numba.TypingError("multiply writes row by row: y cannot be a transposed view.")
    whole = np.int64 if INTERFACE and INTERFACE.bits == 64 else np.int32
    real = {types.float32: np.float32, types.float64: np.float64}[y.dtype]
    gemm = _gemm(y.dtype, numba.from_dtype(np.dtype(whole)))
    one, beta = real(1), real(kept)

    def product(a, b, y):
        (R, K), O = a.shape, y.shape[1]
        a_order, a_pitch = _placement(a)
        b_order, b_pitch = _placement(b)
        _, y_pitch = _placement(y)
        gemm(
            _ROW_BY_ROW, a_order, b_order, whole(R), whole(O), whole(K), one, a.ctypes, whole(a_pitch),
            b.ctypes, whole(b_pitch), beta, y.ctypes, whole(y_pitch),
        )  # fmt: skip

    return product


def _gemm(real: Any, whole: Any) -> Any:
    """BLAS's function for a type of numbers: the order of rows and columns, of a, of b; R, O, K; 1, a and
    its pitch, b and its pitch; the factor of what y held, y and its pitch.
    """
    nothing: Any = types.void
    enum, array = types.int32, types.CPointer(real)
    sizes, arrays = [whole] * 3, [real, array, whole, array, whole, real, array, whole]
    name = {types.float32: "tinynet_sgemm", types.float64: "tinynet_dgemm"}[real]
    return types.ExternalFunction(name, nothing(enum, enum, enum, *sizes, *arrays))


def _placement(matrix):
    """Whether a matrix is a transposed view, and how many numbers lie from one row in memory to the next."""


@overload(_placement)
def _compiled_placement(matrix):
    if matrix.layout == "C":  # where there is one row only, its stride may be anything
        return lambda matrix: (_AS_IT_IS, max(matrix.shape[1], 1))
    if matrix.layout == "F":
        return lambda matrix: (_TRANSPOSED, max(matrix.shape[0], 1))

    def of_part(matrix):
        if matrix.strides[1] == matrix.itemsize:
            return _AS_IT_IS, max(matrix.strides[0] // matrix.itemsize, matrix.shape[1], 1)
        return _TRANSPOSED, max(matrix.strides[1] // matrix.itemsize, matrix.shape[0], 1)

    return of_part
