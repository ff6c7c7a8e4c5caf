"""Optimisers and learning-rate schedules: how gradients become better weights."""

from .optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from .schedules import Constant, Cosine, OneCycle, StepDecay, WarmUp

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "OneCycle",
    "Optimizer",
    "RMSprop",
    "StepDecay",
    "WarmUp",
]
