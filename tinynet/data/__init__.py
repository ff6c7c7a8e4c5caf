"""Data sets: where images come from, and how they reach a network in batches."""

from . import augment
from .dataset import Dataset
from .fashion_mnist import fashion_mnist
from .folders import SkippedFilesWarning, image_folder
from .garments import garments
from .idx import read_idx
from .images import read_image
from .sources import FallbackWarning, Splits, load

__all__ = [
    "Dataset",
    "FallbackWarning",
    "SkippedFilesWarning",
    "Splits",
    "augment",
    "fashion_mnist",
    "garments",
    "image_folder",
    "load",
    "read_idx",
    "read_image",
]
