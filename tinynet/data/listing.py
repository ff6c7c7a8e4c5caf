"""Which files a folder of photographs holds, their classes and its parts, before any of them is opened.

Apart from `folders.py`, which reads them: nothing here looks into a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..arguments import positive_int
from ..errors import DataError, InputError, MissingDataError
from .dataset import split_indices, stratified_sample
from .images import EXTENSIONS

HELD_OUT = ("test", "validation", "valid", "val")  # folders beside train/, the first that is there
TEST_FRACTION = 0.2  # held out where the folder itself holds nothing out
SKIP = "skip_bad=True, on the command line --skip-bad, leaves such files out"
_OTHER_IMAGES = (".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".avif")


class Listing(NamedTuple):
    """The image files of a folder and their classes.

    skipped: sentences about the files that were left out.
    whole, numbers: all files of the folder, and which of them these are.
    """

    name: str
    folder: Path
    files: list[Path]
    labels: np.ndarray  # (N,) int64
    class_names: list[str]
    skipped: list[str]
    whole: list[Path]
    numbers: np.ndarray

    def subset(self, indices: np.ndarray) -> Listing:
        """The files at `indices`."""
        files = [self.files[index] for index in indices]
        return self._replace(files=files, labels=self.labels[indices], numbers=self.numbers[indices])


def list_classes(path: Path, name: str, skip_bad: bool = False) -> Listing:
    """The files in the class folders of `path`, classes by sorted name and files by sorted path.

    skip_bad: leave out images of other formats and second files of one name, which are refused else.
    """
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
    skipped: list[str] = []
    for label, folder in enumerate(folders):
        found_here, bad = _image_files(folder)
        if bad and not skip_bad:
            raise DataError(f"{bad[0]} ({SKIP}.)")
        skipped += bad
        files += found_here
        labels += [label] * len(found_here)
    class_names = [folder.name for folder in folders]
    numbers = np.arange(len(files))
    return Listing(name, path, files, np.array(labels, np.int64), class_names, skipped, files, numbers)


def list_splits(path: Path, seed: int, skip_bad: bool = False) -> tuple[Listing, Listing, Listing | None]:
    """(train, test, validation): `train/`, the first of HELD_OUT and, where that is `test/`, the next one.

    Where nothing is held out, test is a fifth of each class, chosen by `seed`.
    """
    _check_folder(path)
    name = folder_name(path)
    if _holds_splits(path):
        _refuse_other_parts(path)
        train = list_classes(path / "train", name, skip_bad)
        parts = [list_classes(path / part, name, skip_bad) for part in HELD_OUT if (path / part).is_dir()]
        for part in parts:
            _check_same_classes(train, part)
        if parts:
            own_test = len(parts) > 1 and parts[0].folder.name == HELD_OUT[0]
            return train, parts[0], parts[1] if own_test else None
    else:
        train = list_classes(path, name, skip_bad)
    kept, held_out = split_indices(train.labels, TEST_FRACTION, seed)
    return train.subset(kept), train.subset(held_out)._replace(skipped=[]), None  # they are told of once


def limited(train: Listing, limit: int, seed: int) -> Listing:
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


def folder_name(path: Path) -> str:
    """What to call the data set in `path`, which may be ".": the name of the folder."""
    return path.resolve().name


def _image_files(folder: Path) -> tuple[list[Path], list[str]]:
    """The images below a class folder, and a sentence about each file that should not be there."""
    files = sorted(
        file
        for file in folder.rglob("*")
        if not file.is_dir() and not any(map(_hidden, [file, *file.relative_to(folder).parents]))
    )
    bad = [
        f"{file} is neither JPEG nor PNG: convert or remove it."
        for file in files
        if file.suffix.lower() in _OTHER_IMAGES
    ]
    images: dict[tuple[Path, str], Path] = {}
    for file in filter(_is_image, files):
        first = images.setdefault((file.parent, file.stem), file)
        if first is not file:
            bad.append(
                f"{file} has the name of {first.name} beside it, as if one were a copy of the other: "
                "remove one, or rename it if they are two pictures."
            )
    if not images:
        raise DataError(
            f"{folder} is a class folder without images: put JPEG or PNG files into it, or remove it."
        )
    return list(images.values()), bad


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


def _holds_splits(path: Path) -> bool:
    """Whether `path/train` is a part of a data set, not a class of trains: it holds folders."""
    train = path / "train"
    return train.is_dir() and any(entry.is_dir() for entry in train.iterdir())


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
