"""What the name of a data set means on the command line: `--data
auto|fashion-mnist|garments|FOLDER`.

Apart from the data sets because it chooses between them.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError, MissingDataError
from .dataset import Dataset
from .fashion_mnist import fashion_mnist
from .garments import garments

GARMENTS_TRAIN, GARMENTS_TEST = 12000, 2000
PATIENCE = 5.0  # seconds "auto" waits for a mirror before it draws garments instead


class Splits(NamedTuple):
    """What to train on and what to test on."""

    train: Dataset
    test: Dataset


def load(name: str | Path, seed: int = 0, limit: int | None = None) -> Splits:
    """The training and the test set behind a name.

    "fashion-mnist"  the real one, or MissingDataError
    "garments"       12,000 and 2,000 drawings; they depend on `seed`
    "auto"           Fashion-MNIST if it is here or can be downloaded, otherwise garments, with a
                     warning; `train.name` tells which

    `limit` keeps the first images of the training set only. Raises InputError for an unknown name
    or a limit that is not positive, DataError for damaged files.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit expects a positive number of training images, got {limit}.")
    if name == "fashion-mnist":
        return _limited(Splits(fashion_mnist("train"), fashion_mnist("test")), limit)
    if name == "garments":
        return _garments(seed, limit)
    if name == "auto":
        return _auto(seed, limit)
    raise InputError(
        f'data expects "auto", "fashion-mnist", "garments" or a folder of images, got {str(name)!r}.'
    )


def _auto(seed: int, limit: int | None) -> Splits:
    try:
        real = Splits(fashion_mnist("train", PATIENCE), fashion_mnist("test", PATIENCE))
    except MissingDataError as error:
        warnings.warn(
            f"TRAINING ON SYNTHETIC GARMENTS, NOT ON FASHION-MNIST. {error}",
            stacklevel=3,
        )
        return _garments(seed, limit)
    return _limited(real, limit)


def _garments(seed: int, limit: int | None) -> Splits:
    count = min(limit or GARMENTS_TRAIN, GARMENTS_TRAIN)
    return Splits(garments(count, seed), garments(GARMENTS_TEST, seed, start=GARMENTS_TRAIN))


def _limited(splits: Splits, limit: int | None) -> Splits:
    if limit is None or limit >= len(splits.train):
        return splits
    return Splits(splits.train.take(limit), splits.test)
