"""Batch normalisation: the one layer whose output in training depends on the rest of the batch."""

from __future__ import annotations

import numpy as np

from .. import ops
from ..arguments import above_zero, positive_int, share
from ..errors import InputError
from ..tensor import Tensor
from . import checks
from .layer import Layer
from .module import Parameter, Shape


class BatchNorm(Layer):
    """y = gamma · (x - mean) / sqrt(var + eps) + beta, for each channel.

    Ioffe and Szegedy 2015, arXiv 1502.03167, algorithms 1 and 2.

    In training mean and var are those of the batch over all axes but the last, var divided by the
    number of values n ("biased"), and the running statistics move towards the batch's:

        running = (1 - momentum) · running + momentum · batch

    where var is divided by n - 1 ("unbiased").

    In evaluation the running statistics are used. This is PyTorch's convention with its defaults.
    Keras calls our 1 - momentum its momentum (default 0.99), has eps 0.001, and stores the biased
    variance.

    gamma, beta: (C,), ones and zeros.  running_mean, running_var: arrays (C,), zeros and ones;
    saved, not trained.
    (N, C) or (N, H, W, C), same shape out.
    Raises InputError for another number of channels, for an empty batch, and in training if a
    channel has a single value.
    """

    buffer_names = ("running_mean", "running_var")

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        self.channels = positive_int("channels", channels)
        self.momentum = share("momentum", momentum)
        self.eps = above_zero("eps", eps)
        self.gamma = Parameter(np.ones(self.channels, np.float32), name="gamma")
        self.beta = Parameter(np.zeros(self.channels, np.float32), name="beta")
        self.running_mean = np.zeros(self.channels, np.float32)
        self.running_var = np.ones(self.channels, np.float32)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in (2, 4):
            raise InputError(
                "BatchNorm expects (batch, channels) or (batch, height, width, channels), "
                f"got shape {x.shape}."
            )
        self._check_channels(x.shape)
        if x.size == 0:
            raise InputError(
                f"BatchNorm expects at least one value per channel, got shape {x.shape}: "
                "leave empty batches out."
            )
        if not self.training:
            return ops.batch_norm_inference(
                x, self.gamma, self.beta, self.running_mean, self.running_var, self.eps
            )
        y, mean, var = ops.batch_norm(x, self.gamma, self.beta, self.eps)
        self.remember(mean, var, count=x.size // self.channels)
        return y

    def remember(self, mean: np.ndarray, var: np.ndarray, count: int) -> None:
        """Move the running statistics towards a batch's mean and biased variance, those of `count` values."""
        self.running_mean = self._moved(self.running_mean, mean)
        self.running_var = self._moved(self.running_var, var * (count / (count - 1)))

    def _moved(self, running: np.ndarray, batch: np.ndarray) -> np.ndarray:
        """The new running statistic, as a new array: a pending backward may need the old one."""
        return (1.0 - self.momentum) * running + self.momentum * batch

    def _check_channels(self, shape: Shape) -> None:
        if shape[-1] != self.channels:
            raise InputError(
                f"BatchNorm expects {self.channels} channels in the last axis, got shape {shape}: "
                f"build it with channels={shape[-1]}."
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) not in (1, 3):
            raise InputError(
                f"BatchNorm expects (channels,) or (height, width, channels), got {input_shape}."
            )
        self._check_channels(input_shape)
        return input_shape

    def __repr__(self) -> str:
        return checks.call_text(self, self.channels, momentum=self.momentum, eps=self.eps)
