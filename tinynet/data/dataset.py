"""Dataset: images, their labels and the names of the classes, checked once so that nothing later has to.

It stands alone because every source (Fashion-MNIST, folders of photographs, drawn garments, your
own arrays) ends here, and every user (training, evaluation, plots) begins here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..arguments import positive_int, share, whole_number
from ..errors import DTypeError, InputError
from .augment import Augment
from .loader import Batches
from .photographs import Photographs


@dataclass(eq=False, repr=False)
class Dataset:
    """Labelled images in memory.

    images       (N, H, W, C), C = 1 for grey and 3 for colour: fractions in 0..1, kept as float32, or
                 uint8 in 0..255 (a quarter of the memory; batches are scaled as they are made); or
                 Photographs, which stand for uint8 too large for memory
    labels       (N,) integers, stored as int64; label k means class_names[k]
    class_names  one distinct name per class
    name         what to call it in titles and in `run.json`, for instance "fashion-mnist"
    source       where it came from: a folder, a mirror, "drawn with seed 0"

    Raises InputError or DTypeError, in a sentence, when these do not fit together.
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: Sequence[str]
    name: str = ""
    source: str = ""

    def __post_init__(self):
        self.class_names = _check_class_names(self.class_names)
        self.images = _check_images(self.images)
        self.labels = _check_labels(self.labels, len(self.images), len(self.class_names))

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name or 'unnamed'}: {len(self):,} images {self.image_shape} "
            f"{self.images.dtype}, {len(self.class_names)} classes)"
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image: what a network for this data set takes."""
        height, width, channels = self.images.shape[1:]
        return height, width, channels

    def subset(self, indices: Sequence[int] | np.ndarray | slice) -> Dataset:
        """The images at `indices`, in that order, under the same name. A slice copies nothing."""
        lazy = isinstance(self.images, Photographs)
        images = self.images.select(indices) if lazy else self.images[indices]  # type: ignore[attr-defined]
        return Dataset(images, self.labels[indices], self.class_names, self.name, self.source)

    def take(self, n: int) -> Dataset:
        """The first `n` images. Raises InputError if there are not that many."""
        if positive_int("n", n) > len(self):
            raise InputError(f"n expects a number from 1 to {len(self)} for {self!r}, got {n}.")
        return self.subset(slice(n))

    def split(self, fraction: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """(train, validation): `fraction` of the images, and of each class, goes to validation.

        Of each class the share is exact to within one image: of a class of two, a fifth is none or
        one. The same `seed` always gives the same split, whatever else is random in the program.
        Both parts keep the order of the images. Raises InputError if one part would be empty.
        """
        train, validation = split_indices(self.labels, fraction, seed)
        return self.subset(train), self.subset(validation)

    def batches(self, batch_size: int, shuffle: bool = False, augment: Augment | None = None) -> Batches:
        """Batches of (float32 images in 0..1, int64 labels), augmented if wished; see `Batches`."""
        return Batches(self.images, self.labels, batch_size, shuffle, augment)


def stratified_sample(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Indices, ascending, of `count` of the N samples, drawn so that the classes keep their proportions.

    A class of n samples gets n · count / N of them, rounded up or down, and every sample has the
    same chance. Systematic sampling: the samples, shuffled, stand in a line sorted by class, and
    every N/count-th is taken, from a random start (Cochran, "Sampling Techniques", chapter 8).
    """
    rng = np.random.default_rng(whole_number("seed", seed, 0))
    total = len(labels)
    shuffled = rng.permutation(total)
    line = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # In integers, because a rounded step could pass the end of the line.
    return np.sort(line[(np.arange(count) * total + rng.integers(total)) // count])


def split_indices(labels: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (train, validation), ascending; validation has round(fraction · N), stratified."""
    held_out = round(share("fraction", fraction) * len(labels))
    if not 0 < held_out < len(labels):
        raise InputError(
            f"fraction={fraction} of {len(labels)} images leaves one part of the split empty: "
            "choose another fraction or bring more images."
        )
    validation = stratified_sample(labels, held_out, seed)
    return np.setdiff1d(np.arange(len(labels)), validation), validation


def _check_class_names(class_names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(class_names, str):
        raise InputError(f"class_names expects a list of names, got the string {class_names!r}.")
    try:
        names = tuple(class_names)
    except TypeError:
        raise InputError(f"class_names expects a list of names, got {class_names!r}.") from None
    if not names:
        raise InputError("class_names is empty: a data set needs at least one class.")
    if strange := [name for name in names if not isinstance(name, str)]:
        raise InputError(f"class_names expects names, got {strange[0]!r} among them.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"class_names expects distinct names, got {twice!r} more than once.")
    return names


def _as_array(name: str, values: np.ndarray) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:  # NumPy on lists of several lengths
        raise InputError(f"{name} expects one array, got parts of different shapes.") from None


def _check_images(images: np.ndarray) -> np.ndarray:
    if isinstance(images, Photographs) and len(images):
        return images
    images = _as_array("images", images)
    if images.ndim != 4:
        raise InputError(
            f"images expects shape (N, H, W, C), got {images.shape}: "
            "give grey images a last axis with images[..., None]."
        )
    if images.size == 0:
        raise InputError(f"images is empty, its shape is {images.shape}: a data set needs images.")
    if images.shape[3] > 4:
        raise InputError(
            f"images expects the channels last, 1 for grey and 3 for colour, got shape "
            f"{images.shape}: move them there with images.transpose(0, 2, 3, 1)."
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise DTypeError(
            f"images expects fractions in 0..1 or uint8 in 0..255, got {images.dtype}: "
            "divide by the largest possible value."
        )
    images = images.astype(np.float32, copy=False)
    low, high = float(images.min()), float(images.max())
    if not (low >= 0.0 and high <= 1.0):  # written so that NaN fails too
        raise InputError(
            f"images expects values in 0..1, got {low:g}..{high:g}: "
            "divide by the largest possible value, or pass uint8."
        )
    return images


def _check_labels(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    labels = _as_array("labels", labels)
    if labels.shape != (count,):
        raise InputError(f"labels expects one integer per image, shape ({count},), got shape {labels.shape}.")
    if labels.dtype.kind not in "iu":
        raise DTypeError(f"labels expects integers, got {labels.dtype}: convert them with astype(int).")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise InputError(
            f"labels expects values from 0 to {classes - 1}, one per class name, got {low}..{high}."
        )
    return labels.astype(np.int64, copy=False)
