"""The engine: tensors that remember how they were made, and the backward pass that uses the memory.

A calculation with tensors records a graph. Each `Op` is one application of one operation: it knows the
tensors it was given and keeps the arrays that its derivative needs. `Tensor.backward` walks from the
result to the inputs, each operation after all those that used its output, and applies the chain rule.

Read `Tensor` for what users touch, `Op` for what an operation has to provide, `_walk_back` for the walk.
The operations themselves are in `tinynet/ops/`; they only ever see plain NumPy arrays.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager
from typing import Any

import numpy as np

from .conversion import float_array, numbers
from .errors import DTypeError, GradientError, InputError
from .operators import Operators
from .storage import Stamp, Storage
from .watching import watched


class _Mode(threading.local):
    recording = True


_mode = _Mode()


class no_grad(ContextDecorator):
    """Within `with no_grad():`, or in a function under `@no_grad()`, no graph is recorded."""

    def __init__(self) -> None:
        self._before: list[bool] = []  # a stack: the same object may be entered within itself

    def __enter__(self) -> None:
        self._before.append(_mode.recording)
        _mode.recording = False

    def __exit__(self, *exception: object) -> None:
        _mode.recording = self._before.pop()


def is_grad_enabled() -> bool:
    """Whether operations record a graph at the moment, in this thread."""
    return _mode.recording


class Tensor(Operators):
    """A NumPy array that knows its gradient.

    array: an array of float32 (training) or float64 (gradient checks), shared and not copied; numbers and
        lists of numbers become float32. Any other dtype raises DTypeError.
    requires_grad: whether `backward` should leave a gradient in `.grad`.
    name: shown in error messages and drawings of the graph.

    `grad` is None or a NumPy array of the tensor's shape and dtype; calling `backward` again adds to it.
    The operators and methods that compute with tensors are listed in `operators.py`.
    """

    __slots__ = ("_storage", "requires_grad", "grad", "name", "_creator", "__weakref__")

    def __init__(self, array: Any, requires_grad: bool = False, name: str | None = None) -> None:
        self._storage = Storage(_array_of(array), exposed=True)
        self.requires_grad = requires_grad
        self.grad: np.ndarray | None = None
        self.name = name
        self._creator: Op | None = None

    @classmethod
    def _own(cls, array: np.ndarray) -> Tensor:
        """A tensor around a fresh array that nobody else holds, so that it need not be watched."""
        tensor = Tensor.__new__(Tensor)
        tensor._storage = Storage(array, exposed=False)
        tensor.requires_grad = False
        tensor.grad = None
        tensor.name = None
        tensor._creator = None
        return tensor

    # The array

    @property
    def data(self) -> np.ndarray:
        """The array itself. Changing it while a backward pass needs it makes that `backward` raise."""
        return self._storage.expose()

    @data.setter
    def data(self, array: np.ndarray) -> None:
        if np.shape(array) != self.shape:
            raise InputError(
                f"data expects an array of the tensor's shape {self.shape}, got {np.shape(array)}: "
                "make a new Tensor to change the shape."
            )
        array = _array_of(array)
        if array.dtype != self.dtype:
            raise DTypeError(
                f"data expects an array of the tensor's dtype {self.dtype}, got {array.dtype}: convert it "
                "with .astype, or make a new Tensor."
            )
        self._storage = Storage(array, exposed=True)

    @property
    def _array(self) -> np.ndarray:
        """The array, for code of the library that reads it and lets nobody else hold it."""
        return self._storage.array

    @contextmanager
    def _writing(self) -> Iterator[np.ndarray]:
        """The array, for code of the library that changes it in place."""
        self._storage.begin_write()
        yield self._storage.array

    @property
    def shape(self) -> tuple[int, ...]:
        return self._storage.array.shape

    @property
    def dtype(self) -> np.dtype:
        return self._storage.array.dtype

    @property
    def ndim(self) -> int:
        return self._storage.array.ndim

    @property
    def size(self) -> int:
        return self._storage.array.size

    def numpy(self) -> np.ndarray:
        """The array itself, like `data`."""
        return self.data

    def item(self) -> float:
        """The value of a tensor with one element, as a Python number."""
        if self.size != 1:
            raise InputError(f"item() expects a tensor with one element, got shape {self.shape}.")
        return self._array.item()

    def detach(self) -> Tensor:
        """A tensor on the same array that records nothing."""
        return Tensor(self.data)

    # The gradient

    def backward(self, grad: Any = None) -> None:
        """Add the gradient of this tensor to `.grad` of every leaf it was computed from.

        grad: the gradient that flows in, of the tensor's shape; 1 if the tensor has one element.

        A leaf is a tensor that no operation made and that has `requires_grad=True`. The walk frees what
        the operations kept: a second `backward` through any of them raises GradientError, as does a
        kept array that was changed in place; both are found before any leaf is touched.
        """
        if not self.requires_grad:
            raise GradientError(
                "backward() was called on a tensor that needs no gradient: make at least one of the "
                "tensors it is computed from with requires_grad=True, outside of no_grad()."
            )
        upstream = self._upstream(grad)
        if self._creator is None:
            self._accumulate(upstream, shared=True)
        else:
            _walk_back(self._creator, upstream)

    def _upstream(self, grad: Any) -> np.ndarray:
        if grad is None:
            if self.size != 1:
                raise GradientError(
                    f"backward() of a tensor of shape {self.shape} needs the gradient that flows in: "
                    "reduce the tensor to one number first, for instance with .sum(), or pass grad."
                )
            return np.ones_like(self._array)
        array = as_tensor(grad, like=self)._array.astype(self.dtype, copy=False)
        if array.shape != self.shape:
            raise InputError(
                f"backward() expects grad of the tensor's shape {self.shape}, got {array.shape}."
            )
        return array

    def _accumulate(self, grad: np.ndarray, shared: bool) -> None:
        if self.grad is not None:
            self.grad += grad
        else:  # an array of its own, which can be written to: the next gradient is added in place
            self.grad = grad if not shared and grad.flags.carray else grad.copy()

    # Python's and NumPy's protocols

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a tensor without dimensions")
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a tensor without dimensions")
        return self.shape[0]

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.data, dtype=dtype) if copy else np.asarray(self.data, dtype=dtype)

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """For copy and pickle, which would otherwise follow the graph to its beginning."""
        if self._creator is not None:
            raise GradientError(
                "A tensor with a recorded graph cannot be copied or pickled: use x.detach(), or copy leaves."
            )
        return None, {name: getattr(self, name) for name in Tensor.__slots__ if name != "__weakref__"}

    def __repr__(self) -> str:
        body = np.array2string(self._array, prefix="Tensor(", separator=", ", threshold=100)
        origin = f", from {self._creator.name}" if self._creator is not None else ""
        gradient = ", requires_grad=True" if self.requires_grad and not origin else ""
        return f"Tensor({body}, shape={self.shape}, dtype={self.dtype}{gradient}{origin})"


class Op:
    """One application of one differentiable operation to some tensors.

    An operation is a class with two methods on plain arrays:

        forward(*arrays) -> array      may keep arrays for backward with self.save(...)
        backward(grad) -> one array per input, or None where no gradient flows

    Options such as a stride go to the constructor: `Conv2D(stride, padding)(x, w)`. `needs_input_grad`
    says, already in `forward`, for which inputs a gradient will be asked: what only the others would use
    need not be kept, and `backward` may return None for them. Neither method writes into an array that
    it was given.
    """

    inputs: tuple[Tensor, ...] = ()
    needs_input_grad: tuple[bool, ...] = ()
    applied = False
    released = False
    _saved: tuple[np.ndarray | None, ...] = ()
    _stamps: tuple[tuple[Tensor | None, Storage, Stamp], ...] = ()

    # Typed so loosely that each operation can name its own arrays.
    def forward(self, *arrays: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{self.name} has no forward.")

    def backward(self, grad: Any) -> Any:
        raise NotImplementedError(f"{self.name} has no gradient: define its backward().")

    def flops(self, shapes: Sequence[tuple[int, ...]], output: tuple[int, ...]) -> int:
        """The multiplications and additions of `forward` for inputs of these shapes, told to a profile.

        0 where memory alone sets the pace. `backward` is taken to need as many for the gradient of the
        first input, and as many again for those of all others together.
        """
        return 0

    @property
    def name(self) -> str:
        return type(self).__name__

    def save(self, *arrays: np.ndarray | None) -> None:
        """Keep arrays for `backward`. Changes of inputs and of the output are noticed; an array that came
        in another way, through the constructor, has to be a copy.
        """
        self._saved = arrays

    @property
    def saved(self) -> Any:
        return self._saved

    def __call__(self, *inputs: Any) -> Tensor:
        if self.applied:
            raise GradientError(
                f"This {self.name} has been applied already, and remembers that application: make a new one."
            )
        self.applied = True
        tensors = tuple(as_tensor(value) for value in inputs)
        self.needs_input_grad = tuple(_mode.recording and tensor.requires_grad for tensor in tensors)
        result = watched(self, "forward", self._run_forward, [tensor._array for tensor in tensors])
        output = Tensor._own(result)
        if any(self.needs_input_grad):
            self._record(tensors, output)
        return output

    def _run_forward(self, arrays: list[np.ndarray]) -> np.ndarray:
        """Run `forward` and hold it to its contract: one dtype throughout, an output of its own."""
        if any(array.dtype != arrays[0].dtype for array in arrays):
            kinds = " and ".join(sorted({str(array.dtype) for array in arrays}))
            raise DTypeError(
                f"{self.name} got {kinds} together: convert all inputs to one of them, "
                "with array.astype(...) or module.astype(...)."
            )
        result = np.asarray(self.forward(*arrays))
        if arrays and result.dtype != arrays[0].dtype:
            raise DTypeError(
                f"{self.name}.forward returned {result.dtype} for inputs of {arrays[0].dtype}: "
                "an operation keeps the dtype."
            )
        if _overlaps(result, _by_owner(arrays)):
            result = result.copy()  # an output owns its memory: a write to one tensor changes no other
        return result

    def _record(self, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.inputs = inputs
        output.requires_grad = True
        output._creator = self
        # The output is remembered by its storage alone: a reference to the tensor would be a cycle.
        reachable = [(tensor, tensor._storage) for tensor in inputs] + [(None, output._storage)]
        kept = _by_owner(self._saved)
        self._stamps = tuple(
            (tensor, storage, storage.stamp())
            for tensor, storage in reachable
            if _overlaps(storage.array, kept)
        )

    def _check_unchanged(self) -> None:
        for tensor, storage, stamp in self._stamps:
            if storage.changed_since(stamp):
                places = [place for place, one in enumerate(self.inputs) if one is tensor]
                what = f"its input {places[0]}" if places else "its output"
                label = f" '{tensor.name}'" if tensor is not None and tensor.name else ""
                raise GradientError(
                    f"{self.name} kept {what}{label} of shape {storage.array.shape} for the backward pass, "
                    "but the array was changed in place since: the gradient would be wrong. Call backward() "
                    "before the change, or change a copy."
                )

    def _gradients(self, grad: np.ndarray) -> list[np.ndarray | None]:
        """Run `backward` and hold it to its contract: one gradient of the right shape per input."""
        result = self.backward(grad)
        gradients = list(result) if isinstance(result, tuple | list) else [result]
        if len(gradients) != len(self.inputs):
            raise GradientError(
                f"{self.name}.backward returned {len(gradients)} gradients for {len(self.inputs)} inputs."
            )
        for place, (tensor, gradient) in enumerate(zip(self.inputs, gradients, strict=True)):
            if gradient is None or not self.needs_input_grad[place]:
                gradients[place] = None
                continue
            gradients[place] = gradient = np.asarray(gradient)
            if gradient.shape != tensor.shape or gradient.dtype != tensor.dtype:
                raise GradientError(
                    f"{self.name}.backward returned a gradient of shape {gradient.shape} and dtype "
                    f"{gradient.dtype} for an input of shape {tensor.shape} and dtype {tensor.dtype}."
                )
        return gradients

    def _release(self) -> None:
        """Let go of everything kept for backward."""
        vars(self).clear()
        self.applied = self.released = True


def _walk_back(root: Op, upstream: np.ndarray) -> None:
    """Apply the chain rule from `root` to the leaves, each operation after all that used its output."""
    unfinished_uses = _count_uses(root)
    for op in unfinished_uses:
        op._check_unchanged()
    pending = {root: upstream}
    ready = [root]
    while ready:
        op = ready.pop()
        grad = pending.pop(op, None)
        gradients = [None] * len(op.inputs) if grad is None else watched(op, "backward", op._gradients, grad)
        holders = _by_owner((grad, *op._saved, *gradients))
        for tensor, gradient in zip(op.inputs, gradients, strict=True):
            creator = tensor._creator
            if gradient is None:
                pass
            elif creator is None:
                tensor._accumulate(gradient, shared=len(holders[id(_owner(gradient))]) > 1)
            elif creator in pending:
                pending[creator] = pending[creator] + gradient
            else:
                pending[creator] = gradient
            if creator is not None:
                unfinished_uses[creator] -= 1
                if unfinished_uses[creator] == 0:
                    ready.append(creator)
        op._release()


def _owner(array: Any) -> Any:
    """The object whose memory an array looks at: two arrays can only overlap if they have the same owner."""
    while True:
        if isinstance(array, memoryview):
            array = array.obj
        elif getattr(array, "base", None) is not None:
            array = array.base
        else:
            return array


def _by_owner(arrays: Iterable[np.ndarray | None]) -> dict[int, list[np.ndarray]]:
    """The arrays by the owners of their memory: each is then compared with few others, not with all."""
    found: dict[int, list[np.ndarray]] = {}
    for array in arrays:
        if array is not None:
            found.setdefault(id(_owner(array)), []).append(array)
    return found


def _overlaps(array: np.ndarray, by_owner: dict[int, list[np.ndarray]]) -> bool:
    return any(np.may_share_memory(array, other) for other in by_owner.get(id(_owner(array)), ()))


def _count_uses(root: Op) -> dict[Op, int]:
    """For each operation that `root` depends on, how often its output is used on the way to `root`."""
    uses = {root: 0}
    stack = [root]
    while stack:
        op = stack.pop()
        if op.released:
            raise GradientError(
                "backward() has already been through a part of this graph and has freed what it needs: "
                "compute the result again before calling backward() a second time."
            )
        for tensor in op.inputs:
            creator = tensor._creator
            if creator is None:
                continue
            if creator not in uses:
                uses[creator] = 0
                stack.append(creator)
            uses[creator] += 1
    return uses


def _array_of(value: Any) -> np.ndarray:
    if isinstance(value, Tensor):
        if value.requires_grad:
            raise GradientError("Tensor got a tensor that needs a gradient: use x.detach() to cut the graph.")
        return value.data
    return float_array(value)


def as_tensor(value: Any, like: Tensor | None = None) -> Tensor:
    """`value` as a tensor; plain numbers and lists take the dtype of `like`."""
    if isinstance(value, Tensor):
        return value
    if like is not None and not isinstance(value, np.ndarray):
        return Tensor._own(numbers(value, like.dtype))
    return Tensor(value)
