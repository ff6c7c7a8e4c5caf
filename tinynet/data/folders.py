"""Folders of photographs: one sub-folder per class, decoded by several threads.

Three ways lead to a data set. Images that need at most a quarter of the memory (`memory.py`) are decoded
into one array. With a cache (`cache.py`) they are decoded once and for all, and mapped or read from
there. Others stay in their files (`photographs.py`) and are decoded for each batch, ahead of the
training. Every file is decoded once at the start in any case: a damaged one is found then.

Apart from `images.py`, which knows one file, and `listing.py`, which knows their names.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from tqdm import tqdm

from ..errors import DataError, InputError
from ..kernels.threads import num_threads
from .ahead import ahead
from .cache import cached
from .dataset import Dataset, split_indices
from .files import as_path
from .images import MODES, checked_mode, checked_size, load_pixels, pillow_is_quiet
from .listing import SKIP, Listing, folder_name, limited, list_classes, list_splits
from .memory import room_for_images
from .photographs import Photographs

DEFAULT_SIZE = 64  # what the network for photographs takes
_SOME = 10  # images that stand for a folder
_TOLD = 10  # skipped files that are named


class SkippedFilesWarning(UserWarning):
    """Files of a folder were left out because they are no images that can be read."""


class _Form(NamedTuple):
    """What files become: (H, W), "rgb" or "grey"; whether bad ones are skipped; where results are kept."""

    size: tuple[int, int]
    mode: str
    skip_bad: bool
    cache: Path | None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return (*self.size, len(MODES[self.mode]))

    def bytes(self, count: int) -> int:
        return count * int(np.prod(self.image_shape))


def image_folder(
    path: str | Path,
    size: int | tuple[int, int] = DEFAULT_SIZE,
    mode: str = "rgb",
    *,
    cache: str | Path | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """The photographs in the class folders of `path`: `path/cat/1.jpg`, `path/dog/2.png` ...

    images (N, H, W, 3) uint8, or (N, H, W, 1) with mode="grey", of `size` (H, W) or one number for
    both; how a file becomes pixels is said in `images.py`. The classes are the sub-folders by
    sorted name, the images sorted by path; all JPEG and PNG files below a class folder count,
    hidden ones and other kinds of files do not.

    cache: a folder in which the decoded images are kept; they are decoded again when a file has changed.
    skip_bad: leave out files that are refused else, and name them in a SkippedFilesWarning.

    Where the images would take more than a quarter of the memory, `images` is not an array but stands
    for one (`Photographs`).

    Raises MissingDataError if `path` is no folder; DataError for fewer than two classes, an empty
    class, two images of one name, or a file that is damaged, huge, not what its name says, or an image of
    another format.
    """
    path = as_path("path", path)
    form = _form(size, mode, cache, skip_bad)
    listing = list_classes(path, folder_name(path), skip_bad)
    return _read(listing, form, form.bytes(len(listing.files)) <= room_for_images())


def folder_splits(
    path: str | Path,
    size: int | tuple[int, int] = DEFAULT_SIZE,
    mode: str = "rgb",
    seed: int = 0,
    limit: int | None = None,
    *,
    cache: str | Path | None = None,
    skip_bad: bool = False,
) -> tuple[Dataset, Dataset]:
    """(train, test) from a folder that has `train/` and one to test on beside it, or neither.

    That one is called `test/`, or else `validation/`, `valid/` or `val/`; of several, the first is
    used. Where nothing is held out, a fifth of each class is, chosen by `seed`. `limit` keeps that
    many training images: the first of each class, and others, chosen by `seed`, with all classes in
    proportion. The rest is never decoded. `cache` and `skip_bad` as for `image_folder`.

    Raises what `image_folder` raises, DataError if the parts have different classes or another
    folder of images stands beside `train/`, and InputError for a limit below the number of classes.
    """
    form = _form(size, mode, cache, skip_bad)
    train, test, _ = _listed(path, seed, limit, form)
    read = _read_all([train, test], form)
    return read[0], read[1]


def folder_parts(
    path: str | Path,
    size: int | tuple[int, int] = DEFAULT_SIZE,
    mode: str = "rgb",
    seed: int = 0,
    limit: int | None = None,
    fraction: float | None = None,
    *,
    cache: str | Path | None = None,
    skip_bad: bool = False,
) -> tuple[Dataset, Dataset, Dataset | None]:
    """(train, test, validation): `folder_splits`, and the images of `validation/`, `valid/` or `val/` where
    they stand beside `test/`, else None.

    fraction: of the training images, held out for validation as by `Dataset.split`, but before they are read,
        so that none is copied. Raises InputError where the folder has validation images of its own.
    """
    form = _form(size, mode, cache, skip_bad)
    train, test, validation = _listed(path, seed, limit, form)
    if fraction is not None:
        if validation is not None:
            raise InputError(
                f"{path} holds validation images of its own: leave fraction out, on the command line "
                "--validation-split."
            )
        kept, held_out = split_indices(train.labels, fraction, seed)
        validation = train.subset(held_out)._replace(skipped=[])
        train = train.subset(kept)
    read = _read_all([train, test, *([validation] if validation else [])], form)
    return read[0], read[1], read[2] if validation else None


def folder_test(
    path: str | Path,
    size: int | tuple[int, int] = DEFAULT_SIZE,
    mode: str = "rgb",
    seed: int = 0,
    *,
    cache: str | Path | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """The test images of `folder_splits` alone: no other file is decoded."""
    form = _form(size, mode, cache, skip_bad)
    _, test, _ = _listed(path, seed, None, form)
    return _read_all([test], form)[0]


def _listed(
    path: str | Path, seed: int, limit: int | None, form: _Form
) -> tuple[Listing, Listing, Listing | None]:
    """The files to train on, to test on and, where the folder has such, to validate on."""
    train, test, validation = list_splits(as_path("path", path), seed, form.skip_bad)
    return train if limit is None else limited(train, limit, seed), test, validation


def _read_all(listings: list[Listing], form: _Form) -> list[Dataset]:
    """The data sets of listings, in memory if they fit there together."""
    fits = form.bytes(sum(len(listing.files) for listing in listings)) <= room_for_images()
    return [_read(listing, form, fits) for listing in listings]


def some_images(
    path: str | Path, size: int | tuple[int, int] = DEFAULT_SIZE, seed: int = 0, skip_bad: bool = False
) -> Dataset:
    """One training image of each class at least, and about ten, chosen by `seed`; only they are decoded."""
    train, _, _ = list_splits(as_path("path", path), seed, skip_bad)
    shuffled = train.subset(np.random.default_rng(seed).permutation(len(train.files)))
    first = np.unique(shuffled.labels, return_index=True)[1]
    others = np.setdiff1d(np.arange(len(shuffled.files)), first)[: max(0, _SOME - len(first))]
    return _read(shuffled.subset(np.append(first, others)), _form(size, "rgb", None, skip_bad), True)


def _form(size: object, mode: object, cache: str | Path | None, skip_bad: bool) -> _Form:
    place = None if cache is None else as_path("cache", cache)
    return _Form(checked_size("size", size), checked_mode(mode), skip_bad, place)


def _read(listing: Listing, form: _Form, fits: bool) -> Dataset:
    """The data set of a listing, in memory if it `fits` there."""
    if form.cache is not None:
        return _read_cached(listing, form, form.cache, fits)
    count, bad = len(listing.files), {}
    array = np.empty((count if fits else 0, *form.image_shape), np.uint8)
    for index, (pixels, reason) in enumerate(_decoded(listing.files, listing.folder.name, form)):
        if pixels is None:
            bad[index] = reason
        elif fits:
            array[index - len(bad)] = pixels  # behind the good ones before it
    if fits:
        return _dataset(listing, array[: count - len(bad)], bad)
    good = np.setdiff1d(np.arange(count), list(bad))
    read = partial(_decode_some, listing.files, form)
    return _dataset(listing, Photographs(read, good, form.image_shape, slow=True), bad)


def _read_cached(listing: Listing, form: _Form, cache: Path, fits: bool) -> Dataset:
    """The same from the cache, which holds the whole folder, whatever part of it is wanted."""
    decode = partial(_decoded, listing.whole, listing.folder.name, form)
    kept = cached(cache, listing.folder, listing.whole, form.image_shape, decode)
    if kept.bad and not form.skip_bad:
        raise DataError(_refusal(next(iter(kept.bad.values()))))
    bad = {place: kept.bad[number] for place, number in enumerate(listing.numbers) if number in kept.bad}
    good = np.delete(listing.numbers, list(bad))
    images = Photographs(kept.images.__getitem__, good, form.image_shape, slow=False)
    return _dataset(listing, images[:] if fits else images, bad)


def _dataset(listing: Listing, images: np.ndarray | Photographs, bad: dict[int, str]) -> Dataset:
    labels = np.delete(listing.labels, list(bad))
    all_of_it = len(listing.files) == len(listing.whole)
    for label in np.setdiff1d(np.arange(len(listing.class_names)), labels):
        if label in listing.labels:
            folder = listing.folder / listing.class_names[label]
            among = "" if all_of_it else " among those chosen from it"
            raise DataError(
                f"{folder} holds no image that can be read{among}: replace its files, or remove it."
            )
    if skipped := listing.skipped + list(bad.values()):
        named = " ".join(skipped[:_TOLD]) + (" ..." if len(skipped) > _TOLD else "")
        total = f"{len(listing.files) + len(listing.skipped):,}"
        found = f"{total} files in" if all_of_it else f"the {total} files chosen from"
        warnings.warn(
            f"Skipped {len(skipped):,} of {found} {listing.folder}: {named}",
            SkippedFilesWarning,
            stacklevel=4,
        )
    # The two stand for each other wherever a data set's images are used.
    return Dataset(
        cast(np.ndarray, images), labels, listing.class_names, name=listing.name, source=str(listing.folder)
    )


def _decoded(files: list[Path], name: str, form: _Form) -> Iterator[tuple[np.ndarray | None, str]]:
    """For each file, in order, its pixels, or None and what is wrong; the first bad file ends it unless
    such are skipped. name: what to say is being read.
    """

    def decode(path: Path) -> tuple[np.ndarray | None, str]:
        try:
            return load_pixels(path, form.size, form.mode), ""
        except DataError as error:
            if not form.skip_bad:
                raise type(error)(_refusal(str(error))) from error
            return None, str(error)

    threads = num_threads()
    with pillow_is_quiet():
        results = ahead(decode, files, 8 * threads, threads)
        yield from tqdm(results, desc=f"reading {name}", total=len(files), delay=1, disable=None)


def _refusal(sentence: str) -> str:
    return f"{sentence} ({SKIP}.)"


def _decode_some(files: list[Path], form: _Form, numbers: np.ndarray) -> np.ndarray:
    """The images of the files with these numbers (n, H, W, C), decoded by as many threads as kernels use."""
    images = np.empty((len(numbers), *form.image_shape), np.uint8)
    # For good: filters of warnings belong to all threads, so one thread cannot put them back.
    warnings.filterwarnings("ignore", module=r"PIL\.")

    def decode(place: int) -> None:
        images[place] = load_pixels(files[numbers[place]], form.size, form.mode)

    with ThreadPoolExecutor(num_threads()) as pool:
        for _ in pool.map(decode, range(len(numbers))):
            pass
    return images
