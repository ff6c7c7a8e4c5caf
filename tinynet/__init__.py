"""tinynet: a deep-learning framework to read, in NumPy and Numba.

    import tinynet as tn
    from tinynet import nn

Start reading at `tensor.py`, go on with `ops/` and `nn/`; `kernels/` has the loops that make it fast.
"""

from . import data, kernels, losses, models, nn, ops, optim, random
from .errors import TinynetError
from .gradcheck import gradcheck
from .ops import (
    absolute,
    add,
    clip,
    concatenate,
    divide,
    exp,
    log,
    log_softmax,
    logsumexp,
    matmul,
    maximum,
    multiply,
    negate,
    pad,
    power,
    relu,
    relu6,
    sigmoid,
    softmax,
    sqrt,
    stack,
    subtract,
    tanh,
)
from .random import seed
from .report.graph import graph
from .report.profile import Profile
from .report.summary import summary
from .tensor import Op, Tensor, is_grad_enabled, no_grad
from .train import History, Trainer, load, save

__version__ = "0.1.0"

__all__ = [
    "History",
    "Op",
    "Profile",
    "Tensor",
    "TinynetError",
    "Trainer",
    "absolute",
    "add",
    "clip",
    "concatenate",
    "data",
    "divide",
    "exp",
    "gradcheck",
    "graph",
    "is_grad_enabled",
    "kernels",
    "load",
    "log",
    "log_softmax",
    "logsumexp",
    "losses",
    "matmul",
    "maximum",
    "models",
    "multiply",
    "negate",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "pad",
    "power",
    "random",
    "relu",
    "relu6",
    "save",
    "seed",
    "sigmoid",
    "softmax",
    "sqrt",
    "stack",
    "subtract",
    "summary",
    "tanh",
]
