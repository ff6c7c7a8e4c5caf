"""The modules of torch.nn that we have layers for, one function each, which refuses options without an equal.

Each takes a module and the network as far as it was read, and adds our layer to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import nn
from ..errors import ConversionError
from ..kernels.geometry import Pads, pair
from . import layouts
from .flow import ASK, ROWS, UNKNOWN
from .reading import NO_PADS, Reader, add_pads, compact, zeros
from .torch_plan import ceil_outputs


def _weighted(reader: Reader, layer: nn.Module, module: Any) -> None:
    """Add our layer with the module's arrays in our layout, frozen where they are."""
    arrays = {}
    for attribute, layout in layouts.of(layer, reader.flow.order()).items():
        tensor = getattr(module, layouts.TORCH_NAMES[attribute])
        if tensor is not None:
            arrays[attribute] = layout.from_torch(_array(tensor))
    reader.add(layer, arrays)
    for name, parameter in layer.named_parameters():
        tensor = getattr(module, layouts.TORCH_NAMES[name])
        parameter.requires_grad = tensor is not None and tensor.requires_grad


def _array(tensor: Any) -> np.ndarray:
    if str(tensor.dtype) not in ("torch.float32", "torch.float64"):
        raise ConversionError(f"its arrays are of {str(tensor.dtype)[6:]}: write module.float() first")
    return tensor.detach().cpu().numpy()


def _convolution(module: Any, reader: Reader) -> None:
    inputs, outputs, groups = module.in_channels, module.out_channels, module.groups
    if module.padding_mode != "zeros":
        raise ConversionError(f"padding_mode={module.padding_mode!r}, but we pad with zeros alone")
    if module.dilation != (1, 1):
        raise ConversionError(f"dilation={module.dilation}, which we do not have")
    if groups not in (1, inputs):
        raise ConversionError(f"groups={groups} of {inputs} channels: we have 1, and as many as channels")
    kernel, stride, bias = module.kernel_size, module.stride, module.bias is not None
    if reader.pixel:
        if (kernel, groups, reader.pads) != ((1, 1), 1, NO_PADS) or _fixed_pads(module) not in (0, "same"):
            raise ConversionError("it takes images, but what comes before it has left one pixel")
        _weighted(reader, nn.Dense(inputs, outputs, bias, init=zeros), module)
        return
    reader.need_images()
    padding = _padding(module, reader.padding(0.0))
    layer: nn.Module
    if groups > 1:
        layer = nn.DepthwiseConv2D(inputs, kernel, stride, padding, outputs // inputs, bias, init=zeros)
    elif (kernel, stride, padding) == ((1, 1), (1, 1), 0):
        layer = nn.PointwiseConv2D(inputs, outputs, bias, init=zeros)
    else:
        layer = nn.Conv2D(inputs, outputs, kernel, stride, padding, bias, init=zeros)
    _weighted(reader, layer, module)


def _padding(module: Any, before: Pads) -> Any:
    """The padding of a convolution together with that of a layer before it, in our words."""
    own = _fixed_pads(module)
    if own == "same":
        if before != NO_PADS:
            raise ConversionError('padding="same" after a layer of padding: write it in pixels')
        return 0 if module.kernel_size == (1, 1) else "same"
    return compact(add_pads(before, own if own else NO_PADS))


def _fixed_pads(module: Any) -> Any:
    """A module's own padding: 0, "same", or pixels for each side."""
    if isinstance(module.padding, str):
        return {"valid": 0, "same": "same"}[module.padding]
    vertical, horizontal = _two(module.padding)
    return ((vertical, vertical), (horizontal, horizontal)) if vertical or horizontal else 0


def _two(padding: Any) -> tuple[int, int]:
    """(vertical, horizontal) from one number for both, or from two."""
    return (padding, padding) if isinstance(padding, int) else tuple(padding)


def _batch_norm(module: Any, reader: Reader) -> None:
    if module.momentum is None:
        raise ConversionError("momentum=None, the mean over all batches: give it a number")
    if not module.track_running_stats:
        raise ConversionError("track_running_stats=False, which we do not have")
    if type(module).__name__ == "BatchNorm1d":
        reader.need_rows()
    elif reader.flow.kind == ROWS and not reader.pixel:
        raise ConversionError("it takes images, but what comes before it leaves rows")
    _weighted(reader, nn.BatchNorm(module.num_features, module.momentum, module.eps), module)


def _linear(module: Any, reader: Reader) -> None:
    reader.need_rows()
    layer = nn.Dense(module.in_features, module.out_features, module.bias is not None, init=zeros)
    _weighted(reader, layer, module)


def _max_pool(module: Any, reader: Reader) -> None:
    if module.return_indices or pair(module.dilation, "dilation") != (1, 1):
        raise ConversionError("return_indices and dilation are not to be had here")
    reader.need_images()
    before = reader.padding(-np.inf)
    reader.add(nn.MaxPool2D(module.kernel_size, module.stride, _pool_padding(module, before, reader)))


def _average_pool(module: Any, reader: Reader) -> None:
    if module.divisor_override is not None:
        raise ConversionError("divisor_override is not to be had here")
    if module.count_include_pad and _fixed_pads(module) != 0:
        raise ConversionError("it counts its padding: give it count_include_pad=False")
    reader.need_images()
    reader.add(nn.AvgPool2D(module.kernel_size, module.stride, _pool_padding(module, NO_PADS, reader)))


def _pool_padding(module: Any, before: Pads, reader: Reader) -> Any:
    """The padding of a pooling; `ceil_mode` is more of it at the bottom and right, as the size demands."""
    own = _fixed_pads(module)
    pads = own if own else NO_PADS
    if not module.ceil_mode:
        return compact(add_pads(before, pads))
    if before != NO_PADS:
        raise ConversionError("ceil_mode after a layer of padding: write it in pixels")
    if reader.flow.size is None:
        raise ConversionError(f"what ceil_mode does depends on the size of the images: {ASK}")
    sides = []
    kernel, stride = pair(module.kernel_size, "kernel_size"), pair(module.stride, "stride")
    for size, extent, step, (first, last) in zip(reader.flow.size, kernel, stride, pads, strict=True):
        outputs = ceil_outputs(size, extent, step, first)
        sides.append((first, max(last, (outputs - 1) * step + extent - size - first)))
    return compact((sides[0], sides[1]))


def _adaptive(module: Any, reader: Reader) -> None:
    target, size = _two(module.output_size), reader.flow.size
    if target == (1, 1):
        if reader.flow.kind == ROWS and not reader.pixel:
            raise ConversionError("it takes images, but what comes before it leaves rows")
        reader.add_mean()
        reader.pixel = True
        return
    reader.need_images()
    if size is None:
        raise ConversionError(f"its windows depend on the size of the images: {ASK}")
    if None in target or size[0] % target[0] or size[1] % target[1]:
        raise ConversionError(f"images of {size} cannot be cut into {target} windows of one size")
    if size != target:
        reader.add(nn.AvgPool2D((size[0] // target[0], size[1] // target[1])))


def _flatten(module: Any, reader: Reader) -> None:
    if module.start_dim != 1 or module.end_dim not in (-1, 3):
        raise ConversionError(f"axes {module.start_dim} to {module.end_dim}, but ours leaves the first alone")
    if reader.pixel:
        reader.pixel = False
    else:
        reader.add(nn.Flatten())


def _zero_pad(module: Any, reader: Reader) -> None:
    left, right, top, bottom = module.padding
    reader.pad(((top, bottom), (left, right)), float(getattr(module, "value", 0.0)))


def _softmax(module: Any, reader: Reader) -> None:
    rows = reader.flow.kind == ROWS and not reader.pixel
    if module.dim != 1 and not (rows and module.dim in (-1, None)):
        unknown = f"; {ASK}" if reader.flow.kind == UNKNOWN else ""
        raise ConversionError(f"dim={module.dim}, but ours is over the channels, dim=1{unknown}")
    reader.add(nn.Softmax())


def _plain(layer: Callable[[], nn.Module]) -> Callable[[Any, Reader], None]:
    return lambda module, reader: reader.add(layer())


KINDS: dict[str, Callable[[Any, Reader], None]] = {
    "Conv2d": _convolution,
    "BatchNorm2d": _batch_norm,
    "BatchNorm1d": _batch_norm,
    "Linear": _linear,
    "MaxPool2d": _max_pool,
    "AvgPool2d": _average_pool,
    "AdaptiveAvgPool2d": _adaptive,
    "Flatten": _flatten,
    "ZeroPad2d": _zero_pad,
    "ConstantPad2d": _zero_pad,
    "Dropout": lambda module, reader: reader.add(nn.Dropout(module.p)),
    "Softmax": _softmax,
    "ReLU": _plain(nn.ReLU),
    "ReLU6": _plain(nn.ReLU6),
    "Sigmoid": _plain(nn.Sigmoid),
    "Tanh": _plain(nn.Tanh),
    "Identity": lambda module, reader: None,
}
