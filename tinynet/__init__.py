"""tinynet: a deep-learning framework to read, in NumPy and Numba."""

from . import losses, ops, random
from .gradcheck import gradcheck
from .ops import *  # noqa: F403
from .random import seed
from .tensor import Op, Tensor, is_grad_enabled, no_grad

__version__ = "0.1.0"
