"""Data sets: where images come from, and how they reach a network in batches."""

from .dataset import Dataset
from .fashion_mnist import fashion_mnist
from .garments import garments
from .sources import Splits, load

__all__ = ["Dataset", "Splits", "fashion_mnist", "garments", "load"]
