"""Convolution layers: standard, depthwise, pointwise, and separable (the last two in a row).

Images are (N, H, W, C). The layers own the weights and know the shapes; the arithmetic is in `ops`.
`padding` is "valid" (none), "same" (output = input / stride, rounded up; Keras's rule, an odd pixel
goes to the bottom and right), a number of pixels for all sides, or ((top, bottom), (left, right)).
All raise InputError for arguments out of range and for images with the wrong number of channels.
"""

from __future__ import annotations

import numpy as np

from .. import ops
from ..arguments import positive_int
from ..kernels import geometry
from ..tensor import Tensor
from . import checks
from .init import Initialiser, draw, glorot_uniform
from .layer import Layer
from .module import Parameter, Shape


class Conv2D(Layer):
    """Every output channel looks at all input channels through a window of its own weights.

    y[n, i, j, o] = bias[o] + sum over p, q, c of x[n, i·sh + p, j·sw + q, c] · weight[p, q, c, o]

    in_channels, out_channels: C and O.  kernel_size, stride: a number or (vertical, horizontal).
    weight: (KH, KW, C, O), drawn by `init`.  bias: (O,), zeros; None with bias=False.
    (N, H, W, C) -> (N, OH, OW, O)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: checks.Size,
        stride: checks.Size = 1,
        padding: checks.Padding = "valid",
        bias: bool = True,
        *,
        init: Initialiser = glorot_uniform,
    ) -> None:
        self.in_channels = positive_int("in_channels", in_channels)
        self.out_channels = positive_int("out_channels", out_channels)
        self.kernel_size = geometry.pair(kernel_size, "kernel_size")
        self.stride = geometry.pair(stride, "stride")
        self.padding = checks.valid_padding(padding, self.kernel_size, self.stride)
        height, width = self.kernel_size
        self.weight = Parameter(
            draw(
                init,
                (height, width, self.in_channels, self.out_channels),
                fan_in=height * width * self.in_channels,
                fan_out=height * width * self.out_channels,
            ),
            name="weight",
        )
        self.bias = _zeros(self.out_channels) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        checks.has_channels(self, x.shape, self.in_channels, "in_channels")
        checks.window_size(self, x.shape[1:], self.kernel_size, self.stride, self.padding)
        return ops.conv2d(x, self.weight, self.bias, stride=self.stride, padding=self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        checks.has_channels(self, input_shape, self.in_channels, "in_channels", batch=False)
        size = checks.window_size(self, input_shape, self.kernel_size, self.stride, self.padding)
        return (*size, self.out_channels)

    def multiply_adds(self, input_shape: Shape) -> int:
        height, width, _ = self.output_shape(input_shape)
        return height * width * self.weight.size

    def __repr__(self) -> str:
        return checks.call_text(
            self,
            self.in_channels,
            self.out_channels,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            bias=self.bias is not None,
        )


class DepthwiseConv2D(Layer):
    """Each channel is filtered on its own: output channel c·M + m sees input channel c alone.

    y[n, i, j, c·M + m] = bias[c·M + m] + sum over p, q of x[n, i·sh + p, j·sw + q, c] · weight[p, q, c, m]

    channels: C.  depth_multiplier: M, how many filters each channel gets.
    weight: (KH, KW, C) if M is 1, else (KH, KW, C, M).  bias: (C·M,), zeros; None with bias=False.
    (N, H, W, C) -> (N, OH, OW, C·M)
    """

    def __init__(
        self,
        channels: int,
        kernel_size: checks.Size,
        stride: checks.Size = 1,
        padding: checks.Padding = "valid",
        depth_multiplier: int = 1,
        bias: bool = True,
        *,
        init: Initialiser = glorot_uniform,
    ) -> None:
        self.channels = positive_int("channels", channels)
        self.kernel_size = geometry.pair(kernel_size, "kernel_size")
        self.stride = geometry.pair(stride, "stride")
        self.padding = checks.valid_padding(padding, self.kernel_size, self.stride)
        self.depth_multiplier = positive_int("depth_multiplier", depth_multiplier)
        height, width = self.kernel_size
        multiplier = () if self.depth_multiplier == 1 else (self.depth_multiplier,)
        self.weight = Parameter(
            draw(
                init,
                (height, width, self.channels, *multiplier),
                fan_in=height * width,
                fan_out=height * width * self.depth_multiplier,
            ),
            name="weight",
        )
        self.bias = _zeros(self.channels * self.depth_multiplier) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        checks.has_channels(self, x.shape, self.channels, "channels")
        checks.window_size(self, x.shape[1:], self.kernel_size, self.stride, self.padding)
        return ops.depthwise_conv2d(x, self.weight, self.bias, stride=self.stride, padding=self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        checks.has_channels(self, input_shape, self.channels, "channels", batch=False)
        size = checks.window_size(self, input_shape, self.kernel_size, self.stride, self.padding)
        return (*size, self.channels * self.depth_multiplier)

    def multiply_adds(self, input_shape: Shape) -> int:
        height, width, _ = self.output_shape(input_shape)
        return height * width * self.weight.size

    def __repr__(self) -> str:
        return checks.call_text(
            self,
            self.channels,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            depth_multiplier=self.depth_multiplier,
            bias=self.bias is not None,
        )


class PointwiseConv2D(Layer):
    """A 1x1 convolution, one matrix for every pixel: y[n, i, j] = x[n, i, j] @ weight + bias.

    weight: (C, O), drawn by `init`.  bias: (O,), zeros; None with bias=False.
    (N, H, W, C) -> (N, H, W, O)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        bias: bool = True,
        *,
        init: Initialiser = glorot_uniform,
    ) -> None:
        self.in_channels = positive_int("in_channels", in_channels)
        self.out_channels = positive_int("out_channels", out_channels)
        shape = (self.in_channels, self.out_channels)
        self.weight = Parameter(draw(init, shape, *shape), name="weight")
        self.bias = _zeros(self.out_channels) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        checks.has_channels(self, x.shape, self.in_channels, "in_channels")
        return ops.pointwise_conv2d(x, self.weight, self.bias)

    def output_shape(self, input_shape: Shape) -> Shape:
        checks.has_channels(self, input_shape, self.in_channels, "in_channels", batch=False)
        return (*input_shape[:-1], self.out_channels)

    def multiply_adds(self, input_shape: Shape) -> int:
        height, width, _ = self.output_shape(input_shape)
        return height * width * self.weight.size

    def __repr__(self) -> str:
        return checks.call_text(self, self.in_channels, self.out_channels, bias=self.bias is not None)


class SeparableConv2D(Layer):
    """A depthwise convolution (no bias), then a pointwise one (with the bias), as in Keras.

    It looks at the same pixels as Conv2D with about 1/O + 1/(KH·KW) of its products (Howard et al.
    2017, "MobileNets", arXiv 1704.04861, section 3.1). No activation in between.
    (N, H, W, C) -> (N, OH, OW, O)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: checks.Size,
        stride: checks.Size = 1,
        padding: checks.Padding = "valid",
        bias: bool = True,
        *,
        init: Initialiser = glorot_uniform,
    ) -> None:
        self.in_channels = positive_int("in_channels", in_channels)
        self.out_channels = positive_int("out_channels", out_channels)
        self.depthwise = DepthwiseConv2D(in_channels, kernel_size, stride, padding, bias=False, init=init)
        self.pointwise = PointwiseConv2D(in_channels, out_channels, bias=bias, init=init)

    def forward(self, x: Tensor) -> Tensor:
        checks.has_channels(self, x.shape, self.in_channels, "in_channels")
        self._window_size(x.shape[1:])
        return self.pointwise(self.depthwise(x))

    def output_shape(self, input_shape: Shape) -> Shape:
        checks.has_channels(self, input_shape, self.in_channels, "in_channels", batch=False)
        return (*self._window_size(input_shape), self.out_channels)

    def _window_size(self, image_shape: Shape) -> tuple[int, int]:
        inner = self.depthwise
        return checks.window_size(self, image_shape, inner.kernel_size, inner.stride, inner.padding)

    def multiply_adds(self, input_shape: Shape) -> int:
        between = (*self.output_shape(input_shape)[:-1], self.in_channels)
        return self.depthwise.multiply_adds(input_shape) + self.pointwise.multiply_adds(between)

    def __repr__(self) -> str:
        return checks.call_text(
            self,
            self.in_channels,
            self.out_channels,
            kernel_size=self.depthwise.kernel_size,
            stride=self.depthwise.stride,
            padding=self.depthwise.padding,
            bias=self.pointwise.bias is not None,
        )


def _zeros(channels: int) -> Parameter:
    return Parameter(np.zeros(channels, np.float32), name="bias")
