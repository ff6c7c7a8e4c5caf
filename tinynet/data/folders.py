"""Folders of photographs: one sub-folder per class, read by several threads into one uint8 array.

Apart from `images.py`, which knows one file: this knows how files make a data set and its parts.
"""

from __future__ import annotations

import operator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..errors import DataError, InputError, MissingDataError
from ..kernels.threads import num_threads
from .dataset import Dataset, split_indices, stratified_order
from .images import EXTENSIONS, MODES, bombs_are_ours, load_pixels

DEFAULT_SIZE = 64  # what the network for photographs takes
TEST_FRACTION = 0.2  # held out where the folder itself holds nothing out
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
    return _read(_list(Path(path), _name(path)), _checked_size(size), _checked_mode(mode))


def folder_splits(
    path: str | Path,
    size: int | tuple[int, int] = DEFAULT_SIZE,
    mode: str = "rgb",
    seed: int = 0,
    limit: int | None = None,
) -> tuple[Dataset, Dataset]:
    """(train, test) from a folder that has `train/` and `test/` (or `validation/`), or neither.

    With `train/` and both others, `test/` is the one used. Where nothing is held out, a fifth of
    each class is, chosen by `seed`. `limit` keeps that many training images, all classes in
    proportion, also chosen by `seed`; the rest is never decoded.

    Raises what `image_folder` raises, and DataError if the parts have different classes.
    """
    height_width, mode = _checked_size(size), _checked_mode(mode)
    train, test = _list_splits(Path(path), seed)
    if limit is not None and limit < len(train.files):
        train = train.subset(np.sort(stratified_order(train.labels, seed)[:limit]))
    return _read(train, height_width, mode), _read(test, height_width, mode)


def _list_splits(path: Path, seed: int) -> tuple[Listing, Listing]:
    _check_folder(path)
    train = _list(path / "train" if _holds_splits(path) else path, _name(path))
    for name in ("test", "validation"):
        if _holds_splits(path) and (path / name).is_dir():
            test = _list(path / name, train.name)
            if test.class_names != train.class_names:
                raise DataError(
                    f"{test.folder} has the classes {', '.join(test.class_names)}, but "
                    f"{train.folder} has {', '.join(train.class_names)}: they must be the same."
                )
            return train, test
    kept, held_out = split_indices(train.labels, TEST_FRACTION, seed)
    return train.subset(kept), train.subset(held_out)


def _list(path: Path, name: str) -> Listing:
    """Find the classes and their files."""
    _check_folder(path)
    if _holds_splits(path):
        raise DataError(
            f"{path} holds train/ with classes inside, not classes: use {path / 'train'} alone, "
            "or tinynet.data.load, which reads all parts."
        )
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not _hidden(entry))
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
    images = [file for file in files if file.suffix.lower() in EXTENSIONS]
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

    with bombs_are_ours(), ThreadPoolExecutor(num_threads()) as pool:
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


def _name(path: str | Path) -> str:
    """What to call the data set in `path`, which may be ".": the name of the folder."""
    return Path(path).resolve().name


def _hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _check_folder(path: Path) -> None:
    if not path.exists():
        raise MissingDataError(f"The folder {path} does not exist: check the path.")
    if not path.is_dir():
        raise DataError(f"{path} is a file: give the folder that holds the class folders.")


def _checked_size(size: int | tuple[int, int]) -> tuple[int, int]:
    try:
        height, width = map(operator.index, size if isinstance(size, tuple | list) else (size, size))
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise InputError(f"size expects a positive integer or a pair (H, W), got {size!r}.")
    return height, width


def _checked_mode(mode: str) -> str:
    if mode not in MODES:
        raise InputError(f'mode expects "rgb" or "grey", got {mode!r}.')
    return mode
