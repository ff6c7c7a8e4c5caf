"""Layers, one import away: `from tinynet import nn`."""

from . import init
from .activation import Dropout, ReLU, ReLU6, Sigmoid, Softmax, Tanh
from .conv import Conv2D, DepthwiseConv2D, PointwiseConv2D, SeparableConv2D
from .dense import Dense, Flatten
from .module import Module, Parameter, observing
from .norm import BatchNorm
from .pool import AvgPool2D, GlobalAvgPool2D, MaxPool2D
from .sequential import Sequential

__all__ = [
    "AvgPool2D",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAvgPool2D",
    "MaxPool2D",
    "Module",
    "Parameter",
    "PointwiseConv2D",
    "ReLU",
    "ReLU6",
    "SeparableConv2D",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "init",
    "observing",
]
