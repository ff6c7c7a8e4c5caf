"""The losses under the name by which users call them: `tn.losses.cross_entropy(logits, labels)`."""

from .ops.loss import binary_cross_entropy, cross_entropy

__all__ = ["binary_cross_entropy", "cross_entropy"]
