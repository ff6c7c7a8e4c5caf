"""An epoch under way: what it has added up to, and how to go on in the middle of it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import random

if TYPE_CHECKING:
    from ..data.loader import Batch, Batches


@dataclass
class EpochUnderWay:
    """Sums over the steps so far, and the state of the random streams when the epoch began.

    settings: number of images and batch size; an epoch goes on only under the same ones.
    """

    settings: list[int]
    random_at_start: dict = field(default_factory=random.state)
    steps: int = 0
    images: int = 0
    loss: float = 0.0  # sum over images
    correct: int = 0
    seconds: float = 0.0

    def add(self, images: int, loss: float, correct: int, seconds: float) -> None:
        """Count one step over `images` images with their mean `loss`."""
        self.steps += 1
        self.images += images
        self.loss += images * loss
        self.correct += correct
        self.seconds += seconds

    @property
    def mean_loss(self) -> float:
        return self.loss / self.images

    @property
    def accuracy(self) -> float:
        return self.correct / self.images

    @property
    def rate(self) -> float:
        """Images per second."""
        return self.images / self.seconds if self.seconds else 0.0

    def remaining(self, batches: Batches) -> Generator[Batch, None, None]:
        """The batches that are left; close it when the epoch ends early.

        In an epoch that was cut short, the random streams go back to its beginning, the batches that
        were used are passed over, and the streams go on from where they had been.
        """
        if not self.steps:
            return batches.starting_at(0)
        now = random.state()
        random.restore(self.random_at_start)
        rest = batches.starting_at(self.steps)
        random.restore(now)
        return rest
