"""Data sets: where images come from, and how they reach a network in batches."""

from .dataset import Dataset
from .fashion_mnist import fashion_mnist

__all__ = ["Dataset", "fashion_mnist"]
