"""The optimisers, in order of increasing complexity, each as its publication states it.

In the formulas w is a parameter, g its gradient, t the number of the step from 1; the arrays that
are kept between steps start at 0. Where PyTorch and Keras disagree, PyTorch's form is taken and the
difference is said. The formulas as programs are the definitions in `kernels/update.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..arguments import above_zero, below_one, not_negative
from ..errors import InputError
from ..kernels import update
from ..tensor import Tensor
from .base import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if it is above 0.

        g = g + weight_decay · w
        v = momentum · v + g
        w = w - lr · v                      with nesterov: w = w - lr · (g + momentum · v)

    Without momentum v is g. Momentum: Polyak 1964, in the form of Sutskever et al. 2013, "On the
    importance of initialization and momentum in deep learning", section 2, but with lr outside of
    v, as in PyTorch: a changed lr acts at once on all that has been gathered. Keras keeps lr
    inside, which is the same as long as lr does not change. `weight_decay` adds the gradient of
    weight_decay/2 · |w|², an L2 penalty.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = below_one("momentum", momentum)
        self.nesterov = nesterov
        self.weight_decay = not_negative("weight_decay", weight_decay)
        if nesterov and self.momentum == 0:
            raise InputError("nesterov expects a momentum above 0, got 0: pass momentum=0.9.")
        self.slots = ("velocity",) if self.momentum else ()

    def _update(self, step, parts):
        update.sgd(parts, self.lr, self.momentum, self.nesterov, self.weight_decay)


class RMSprop(Optimizer):
    """Divides each gradient by a running root mean square of its size.

        g = g + weight_decay · w
        s = alpha · s + (1 - alpha) · g²
        w = w - lr · g / (sqrt(s) + eps)

    With momentum the last line becomes v = momentum · v + g / (sqrt(s) + eps); w = w - lr · v.
    Tieleman and Hinton 2012, "Neural networks for machine learning", lecture 6.5, where alpha is
    0.9. PyTorch's form and defaults. Keras calls alpha rho, with default 0.9; its lr is 0.001 and
    its epsilon, 1e-7, is added to s inside of the root.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        self.alpha = below_one("alpha", alpha)
        self.eps = above_zero("eps", eps)
        self.momentum = below_one("momentum", momentum)
        self.weight_decay = not_negative("weight_decay", weight_decay)
        self.slots = ("square", "velocity") if self.momentum else ("square",)

    def _update(self, step, parts):
        update.rmsprop(parts, self.lr, self.alpha, self.eps, self.momentum, self.weight_decay)


class Adam(Optimizer):
    """Momentum over a running root mean square, both corrected for having started at zero.

        g = g + weight_decay · w
        m = beta1 · m + (1 - beta1) · g
        s = beta2 · s + (1 - beta2) · g²
        w = w - lr · (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)

    Kingma and Ba 2015, "Adam: a method for stochastic optimization", arXiv 1412.6980, algorithm 1,
    where s is called v. PyTorch computes the same. Keras takes the paper's variant for efficiency
    (end of section 2), which adds eps, 1e-7 there, to sqrt(s) before the correction: the same but
    for the size of eps.
    """

    slots = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr)
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise InputError(f"betas expects two numbers such as (0.9, 0.999), got {betas!r}.")
        self.betas = (below_one("betas[0]", betas[0]), below_one("betas[1]", betas[1]))
        self.eps = above_zero("eps", eps)
        self.weight_decay = not_negative("weight_decay", weight_decay)

    def _update(self, step, parts):
        update.adam(parts, step, self.lr, self.betas, self.eps, self.weight_decay, decoupled=0.0)


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights directly, past the running means.

        w = (1 - lr · weight_decay) · w, then Adam's step with the plain gradient

    Loshchilov and Hutter 2019, "Decoupled weight decay regularization", arXiv 1711.05101, algorithm
    2. The paper multiplies the decay by the schedule alone; PyTorch, and we, by the whole learning
    rate. Keras does as well; its default weight_decay is 0.004.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay)

    def _update(self, step, parts):
        update.adam(parts, step, self.lr, self.betas, self.eps, 0.0, decoupled=self.weight_decay)
