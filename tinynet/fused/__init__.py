"""The fast path: runs of layers that are computed together, in fewer passes over memory.

Everything here gives the result of the simple operations in `ops/`, faster. Nothing depends on it: within
`with fused.disabled():`, or while `nn.observing` looks at single layers, a network runs layer by layer.
`docs/fast-path.md` says what is read and written where, and what that brings.

Reading order: `plan.py` decides which layers run together; `normed.py` is convolution, batch norm and ReLU
in training; `pooled.py` is convolution, ReLU and max pooling in training; `inference.py` is a whole network
without gradients. Each has its loops in a file beside it.
"""

from . import inference, normed, pooled
from .plan import INFERENCE, PATTERNS, disabled

PATTERNS += [normed.match, pooled.match]
INFERENCE += [inference.match]

__all__ = ["disabled"]
