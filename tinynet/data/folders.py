"""Folders of photographs: one sub-folder per class, read by several threads into one uint8 array.

Apart from `images.py`, which knows one file: this knows how files make a data set and its parts.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..arguments import positive_int
from ..errors import DataError, InputError, MissingDataError
from ..kernels.threads import num_threads
from .dataset import Dataset, split_indices, stratified_sample
from .files import as_path
from .images import EXTENSIONS, MODES, checked_mode, checked_size, load_pixels, pillow_is_quiet

DEFAULT_SIZE = 64  # what the network for photographs takes
HELD_OUT = ("test", "validation", "valid", "val")  # folders beside train/, the first that is there
TEST_FRACTION = 0.2  # held out where the folder itself holds nothing out
_SOME = 10  # images that stand for a folder
_OTHER_IMAGES = (".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".avif")


class Listing(NamedTuple):
    """The image files of a folder and their classes, before any of them is opened."""

    name: str
    folder: Path
    files: list[Path]
    labels: np.ndarray  # (N,) int64
    class_names: list[str]

    def subset(self, indices: np.ndarray) -> Listing:
        """The files at `indices`."""
        files = [self.files[index] for index in indices]
        return self._replace(files=files, labels=self.labels[indices])


def image_folder(path: str | Path, size: int | tuple[int, int] = DEFAULT_SIZE, mode: str = "rgb") -> Dataset:
    """The photographs in the class folders of `path`: `path/cat/1.jpg`, `path/dog/2.png` ...

    images (N, H, W, 3) uint8, or (N, H, W, 1) with mode="grey", of `size` (H, W) or one number for
    both; how a file becomes pixels is said in `images.py`. The classes are the sub-folders by
    sorted name, the images sorted by path; all JPEG and PNG files below a class folder count,
    hidden ones and other kinds of files do not.

    Raises MissingDataError if `path` is no folder; DataError for fewer than two classes, an empty
    class, or a file that is damaged, huge, not what its name says, or an image of another format.
    """
    path = as_path("path", path)
    return _read(_list(path, _name(path)), checked_size("size", size), checked_mode(mode))


def folder_splits(
    path: str | Path,
    size: int | tuple[int, int] = DEFAULT_SIZE,
    mode: str = "rgb",
    seed: int = 0,
    limit: int | None = None,
) -> tuple[Dataset, Dataset]:
    """(train, test) from a folder that has `train/` and one to test on beside it, or neither.

    That one is called `test/`, or else `validation/`, `valid/` or `val/`; of several, the first is
    used. Where nothing is held out, a fifth of each class is, chosen by `seed`. `limit` keeps that
    many training images: the first of each class, and others, chosen by `seed`, with all classes in
    proportion. The rest is never decoded.

    Raises what `image_folder` raises, DataError if the parts have different classes or another
    folder of images stands beside `train/`, and InputError for a limit below the number of classes.
    """
    height_width, mode = checked_size("size", size), checked_mode(mode)
    train, test = _list_splits(as_path("path", path), seed)
    if limit is not None:
        train = _limited(train, limit, seed)
    return _read(train, height_width, mode), _read(test, height_width, mode)


def some_images(path: str | Path, size: int | tuple[int, int] = DEFAULT_SIZE, seed: int = 0) -> Dataset:
    """One training image of each class at least, and about ten, chosen by `seed`; only they are decoded."""
    train, _ = _list_splits(as_path("path", path), seed)
    shuffled = train.subset(np.random.default_rng(seed).permutation(len(train.files)))
    first = np.unique(shuffled.labels, return_index=True)[1]
    others = np.setdiff1d(np.arange(len(shuffled.files)), first)[: max(0, _SOME - len(first))]
    return _read(shuffled.subset(np.append(first, others)), checked_size("size", size), "rgb")


def _limited(train: Listing, limit: int, seed: int) -> Listing:
    """The first image of each class, and of the others as many as `limit` leaves, in proportion."""
    if positive_int("limit", limit) < len(train.class_names):
        raise InputError(
            f"limit={limit} leaves out classes of {train.name}: it has {len(train.class_names)}, "
            "give a number of training images of at least that."
        )
    if limit >= len(train.files):
        return train
    chosen = np.flatnonzero(np.diff(train.labels, prepend=-1))  # the files are listed class by class
    others = np.setdiff1d(np.arange(len(train.files)), chosen)
    if count := limit - len(chosen):
        chosen = np.append(chosen, others[stratified_sample(train.labels[others], count, seed)])
    return train.subset(np.sort(chosen))


def _list_splits(path: Path, seed: int) -> tuple[Listing, Listing]:
    _check_folder(path)
    name = _name(path)
    if _holds_splits(path):
        _refuse_other_parts(path)
        train = _list(path / "train", name)
        for part in HELD_OUT:
            if (path / part).is_dir():
                test = _list(path / part, name)
                _check_same_classes(train, test)
                return train, test
    else:
        train = _list(path, name)
    kept, held_out = split_indices(train.labels, TEST_FRACTION, seed)
    return train.subset(kept), train.subset(held_out)


def _refuse_other_parts(path: Path) -> None:
    """DataError for images beside train/ that would be left out without a word."""
    for folder in _folders(path):
        if folder.name not in ("train", *HELD_OUT) and any(map(_is_image, folder.rglob("*"))):
            raise DataError(
                f"{folder} holds images beside train/, but is none of {', '.join(HELD_OUT)}: "
                "rename it, or move it elsewhere."
            )


def _check_same_classes(train: Listing, test: Listing) -> None:
    if test.class_names != train.class_names:
        raise DataError(
            f"{test.folder} has the classes {', '.join(test.class_names)}, but "
            f"{train.folder} has {', '.join(train.class_names)}: they must be the same."
        )


def _list(path: Path, name: str) -> Listing:
    """Find the classes and their files."""
    _check_folder(path)
    if _holds_splits(path):
        raise DataError(
            f"{path} holds train/ with classes inside, not classes: use {path / 'train'} alone, "
            "or tinynet.data.load, which reads all parts."
        )
    folders = _folders(path)
    if len(folders) < 2:
        found = f"only {folders[0].name}/" if folders else "no sub-folder"
        raise DataError(
            f"{path} holds {found}: it should hold one sub-folder of images for each class, at least two."
        )
    files: list[Path] = []
    labels: list[int] = []
    for label, folder in enumerate(folders):
        found_here = _image_files(folder)
        files += found_here
        labels += [label] * len(found_here)
    class_names = [folder.name for folder in folders]
    return Listing(name, path, files, np.array(labels, np.int64), class_names)


def _image_files(folder: Path) -> list[Path]:
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(map(_hidden, [file, *file.relative_to(folder).parents]))
    )
    for file in files:
        if file.suffix.lower() in _OTHER_IMAGES:
            raise DataError(f"{file} is neither JPEG nor PNG: convert or remove it.")
    images = list(filter(_is_image, files))
    if not images:
        raise DataError(
            f"{folder} is a class folder without images: put JPEG or PNG files into it, or remove it."
        )
    return images


def _read(listing: Listing, size: tuple[int, int], mode: str) -> Dataset:
    """Decode all files, each thread writing into its own rows; the first bad file ends it."""
    images = np.empty((len(listing.files), *size, len(MODES[mode])), np.uint8)

    def decode(index: int) -> None:
        images[index] = load_pixels(listing.files[index], size, mode)

    with pillow_is_quiet(), ThreadPoolExecutor(num_threads()) as pool:
        done = pool.map(decode, range(len(images)))
        for _ in tqdm(done, desc=f"reading {listing.folder.name}", total=len(images), delay=1, disable=None):
            pass
    return Dataset(
        images,
        listing.labels,
        listing.class_names,
        name=listing.name,
        source=str(listing.folder),
    )


def _holds_splits(path: Path) -> bool:
    """Whether `path/train` is a part of a data set, not a class of trains: it holds folders."""
    train = path / "train"
    return train.is_dir() and any(entry.is_dir() for entry in train.iterdir())


def _name(path: Path) -> str:
    """What to call the data set in `path`, which may be ".": the name of the folder."""
    return path.resolve().name


def _folders(path: Path) -> list[Path]:
    return sorted(entry for entry in path.iterdir() if entry.is_dir() and not _hidden(entry))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in EXTENSIONS


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _check_folder(path: Path) -> None:
    if not path.exists():
        raise MissingDataError(f"The folder {path} does not exist: check the path.")
    if not path.is_dir():
        raise DataError(f"{path} is a file: give the folder that holds the class folders.")
