"""The differentiable operations, one class each, and the functions by which they are called."""

from .activation import log_softmax, relu, relu6, sigmoid, softmax, tanh
from .conv import conv2d, depthwise_conv2d
from .loss import binary_cross_entropy, cross_entropy
from .math import absolute, add, clip, divide, exp, log, maximum, multiply, negate, power, sqrt, subtract
from .norm import batch_norm, batch_norm_inference, dropout
from .pool import avg_pool2d, global_avg_pool2d, max_pool2d
from .products import linear, matmul, pointwise_conv2d
from .reduce import logsumexp, max, mean, sum, var
from .shape import concatenate, pad, reshape, stack, take, transpose

__all__ = [
    "absolute",
    "add",
    "avg_pool2d",
    "batch_norm",
    "batch_norm_inference",
    "binary_cross_entropy",
    "clip",
    "concatenate",
    "conv2d",
    "cross_entropy",
    "depthwise_conv2d",
    "divide",
    "dropout",
    "exp",
    "global_avg_pool2d",
    "linear",
    "log",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max",
    "max_pool2d",
    "maximum",
    "mean",
    "multiply",
    "negate",
    "pad",
    "pointwise_conv2d",
    "power",
    "relu",
    "relu6",
    "reshape",
    "sigmoid",
    "softmax",
    "sqrt",
    "stack",
    "subtract",
    "sum",
    "take",
    "tanh",
    "transpose",
    "var",
]
