"""Training: the loop, its history and progress, checkpoints, and the run folder that keeps it all."""

from .average import Average
from .checkpoint import load, save
from .history import History
from .predictions import confusion_matrix, predict_logits, predict_probabilities
from .run import RunFolder
from .trainer import Trainer

__all__ = [
    "Average",
    "History",
    "RunFolder",
    "Trainer",
    "confusion_matrix",
    "load",
    "predict_logits",
    "predict_probabilities",
    "save",
]
