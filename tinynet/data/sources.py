"""What a name on the command line means: `--data auto|fashion-mnist|garments|FOLDER`.

Apart from the data sets because it chooses between them.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import NamedTuple

from ..arguments import positive_int, whole_number
from ..errors import InputError, MissingDataError
from .dataset import Dataset
from .drawing import SIDE
from .fashion_mnist import fashion_mnist
from .folders import DEFAULT_SIZE, folder_parts, folder_splits, folder_test
from .garments import garments
from .images import checked_mode, checked_size

NAMES = ("auto", "fashion-mnist", "garments")
GARMENTS_TRAIN, GARMENTS_TEST = 12000, 2000
PATIENCE = 5.0  # seconds "auto" waits for a mirror before it draws garments instead


class FallbackWarning(UserWarning):
    """Another data set stands in for the one that was meant."""


class Splits(NamedTuple):
    """What to train on and what to test on."""

    train: Dataset
    test: Dataset


def load(
    name: str | Path,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
    limit: int | None = None,
    mode: str = "rgb",
    *,
    cache: str | Path | None = None,
    skip_bad: bool = False,
) -> Splits:
    """The training and the test set behind a name.

    "fashion-mnist"  the real one, or MissingDataError
    "garments"       12,000 and 2,000 drawings; they depend on `seed`
    "auto"           Fashion-MNIST if it is here or can be downloaded, otherwise garments, with a
                     FallbackWarning; `train.name` tells which
    a folder         photographs in class folders, see `folder_splits`

    `size`, of a folder's images, is one number or (H, W), 64 if not given, and `mode` "rgb" or
    "grey"; the others are 28x28 and grey. `limit` keeps the first images of the training set, of a
    folder as many chosen by `seed`. `cache` and `skip_bad`, of a folder, as for `image_folder`.

    Raises InputError for a limit, size, mode or seed that cannot be, MissingDataError for what is
    not there, an unknown name included, and DataError for damaged files.
    """
    whole_number("seed", seed, 0)
    checked_mode(mode)
    if limit is not None:
        limit = positive_int("limit", limit)
    if name not in NAMES:
        path, size = _folder(name), DEFAULT_SIZE if size is None else size
        return Splits(*folder_splits(path, size, mode, seed, limit, cache=cache, skip_bad=skip_bad))
    if size is not None and checked_size("size", size) != (SIDE, SIDE):
        raise InputError(f"size={size} is for folders of images; data={name!r} is 28x28.")
    if name == "garments":
        return _garments(seed, limit)
    if name == "fashion-mnist":
        return _fashion_mnist(limit)
    try:
        return _fashion_mnist(limit, PATIENCE)
    except MissingDataError as error:
        message = f"TRAINING ON DRAWN GARMENTS, NOT FASHION-MNIST. {error}"
        warnings.warn(message, FallbackWarning, stacklevel=2)
        return _garments(seed, limit)


def load_parts(
    name: str | Path,
    seed: int,
    size: int | tuple[int, int],
    limit: int | None,
    mode: str,
    fraction: float | None,
    *,
    cache: str | Path | None,
    skip_bad: bool,
) -> tuple[Dataset, Dataset, Dataset | None]:
    """`load`, and the validation images: those that a folder holds beside test images, or `fraction` of the
    training images; else None.

    `size` and `mode` are for folders; the others come as they are.
    """
    if name not in NAMES:
        place = _folder(name)
        return folder_parts(place, size, mode, seed, limit, fraction, cache=cache, skip_bad=skip_bad)
    train, test = load(name, seed, limit=limit)
    if fraction is None:
        return train, test, None
    train, validation = train.split(fraction, seed)
    return train, test, validation


def load_test(
    name: str | Path,
    seed: int,
    size: int | tuple[int, int],
    mode: str,
    *,
    cache: str | Path | None,
    skip_bad: bool,
) -> Dataset:
    """The test images of `load` alone; of a folder, no other file is decoded."""
    if name in NAMES:
        return load(name, seed).test
    return folder_test(_folder(name), size, mode, seed, cache=cache, skip_bad=skip_bad)


def _fashion_mnist(limit: int | None, timeout: float = 20.0) -> Splits:
    train, test = fashion_mnist("train", timeout), fashion_mnist("test", timeout)
    return Splits(train.take(min(limit or len(train), len(train))), test)


def _garments(seed: int, limit: int | None) -> Splits:
    count = min(limit or GARMENTS_TRAIN, GARMENTS_TRAIN)
    return Splits(garments(count, seed), garments(GARMENTS_TEST, seed, start=GARMENTS_TRAIN))


def _folder(name: str | Path) -> Path:
    if not isinstance(name, str | os.PathLike):
        raise InputError(f"data expects {', '.join(NAMES)} or a folder of images, got {name!r}.")
    if not Path(name).exists():
        raise MissingDataError(
            f"data expects {', '.join(NAMES)} or a folder of images, got {str(name)!r}: "
            "there is no such folder."
        )
    return Path(name)
