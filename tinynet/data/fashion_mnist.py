"""Fashion-MNIST: 70,000 grey 28x28 images of clothes in ten classes, found, fetched or refused.

The search has three steps: `$TINYNET_DATA/fashion-mnist`, the user's cache folder, a download into
that cache from the data set's own mirrors. Every load checks the published MD5 sums, 40 ms for the
26 MB of the training images beside half a second of unpacking.

Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
Learning Algorithms", https://arxiv.org/abs/1708.07747; files and sums:
https://github.com/zalandoresearch/fashion-mnist.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from ..errors import DataError, InputError, MissingDataError
from .dataset import Dataset
from .download import RemoteFile, by_answer, download, md5
from .files import read_file
from .idx import parse_idx
from .loader import unit_range

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

HOMEPAGE = "https://github.com/zalandoresearch/fashion-mnist (data/fashion)"

MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
)

# Per split (images, labels), each as published and as it is for those who unpacked it.
FILES = {
    "train": (
        (
            RemoteFile("train-images-idx3-ubyte.gz", 26421880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            RemoteFile("train-images-idx3-ubyte", 47040016, "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        ),
        (
            RemoteFile("train-labels-idx1-ubyte.gz", 29515, "25c81989df183df01b3e8a0aad5dffbe"),
            RemoteFile("train-labels-idx1-ubyte", 60008, "9018921c3c673c538a1fc5bad174d6f9"),
        ),
    ),
    "test": (
        (
            RemoteFile("t10k-images-idx3-ubyte.gz", 4422102, "bef4ecab320f06d8554ea6380940ec79"),
            RemoteFile("t10k-images-idx3-ubyte", 7840016, "8181f5470baa50b63fa0f6fddb340f0a"),
        ),
        (
            RemoteFile("t10k-labels-idx1-ubyte.gz", 5148, "bb300cfdad3c16e7a12a480ee83cd310"),
            RemoteFile("t10k-labels-idx1-ubyte", 10008, "15d484375f8d13e6eb1aabb0c3f46965"),
        ),
    ),
}


def fashion_mnist(split: str = "train", timeout: float = 20.0) -> Dataset:
    """Load one split of Fashion-MNIST: "train" (60,000 images) or "test" (10,000).

    images (N, 28, 28, 1) float32 in 0..1, labels (N,) int64. `timeout` is how many seconds a
    download waits for any sign of a mirror.

    Raises InputError for another split, DataError for a file that is damaged or not the published
    one, MissingDataError when the data is neither here nor reachable; it lists where it looked.
    """
    if not isinstance(split, str) or split not in FILES:
        raise InputError(f'split expects "train" or "test", got {split!r}.')
    image_variants, label_variants = FILES[split]
    image_path, image_bytes = _find(image_variants, timeout)
    label_path, label_bytes = _find(label_variants, timeout)
    return Dataset(
        unit_range(parse_idx(image_bytes, image_path)[..., None]),  # (N, 28, 28, 1)
        parse_idx(label_bytes, label_path),
        CLASS_NAMES,
        name="fashion-mnist",
        source=str(image_path.parent),
    )


def cache_folder() -> Path:
    """Where downloads go: `$XDG_CACHE_HOME/tinynet`, or the platform's own place for caches."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen) / "tinynet"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tinynet"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "tinynet" / "Cache"
    return Path.home() / ".cache" / "tinynet"


def _find(variants: tuple[RemoteFile, ...], timeout: float) -> tuple[Path, bytes]:
    """The path and the verified content of a file, by the three steps."""
    if own := os.environ.get("TINYNET_DATA"):
        for file in variants:
            path = Path(own) / "fashion-mnist" / file.name
            if path.is_file():
                return path, _read_own(path, file)
    published = variants[0]
    path = cache_folder() / "fashion-mnist" / published.name
    if path.is_file():
        content = read_file(path)
        if md5(content) == published.md5:
            return path, content
        warnings.warn(f"{path} is damaged and is downloaded again.", stacklevel=4)
    return path, _fetch(published, path.parent, timeout)


def _read_own(path: Path, file: RemoteFile) -> bytes:
    """A file of the user's: never replaced, so a wrong one is an error that says in what way."""
    content = read_file(path)
    if md5(content) == file.md5:
        return content
    wrong = "is truncated" if len(content) < file.size else "is not the published file"
    raise DataError(
        f"{path} {wrong}: its MD5 sum is {md5(content)} over {len(content):,} bytes, expected "
        f"{file.md5} over {file.size:,}. Delete it and download it again, or unset TINYNET_DATA."
    )


def _fetch(file: RemoteFile, folder: Path, timeout: float) -> bytes:
    """Download into the cache; where that fails, say where we looked and what to do."""
    try:
        return download(file, by_answer(file, MIRRORS, timeout), folder, timeout)
    except MissingDataError as error:
        own = os.environ.get("TINYNET_DATA")
        looked = f"{Path(own) / 'fashion-mnist'} ($TINYNET_DATA)" if own else "$TINYNET_DATA (not set)"
        raise MissingDataError(
            f"Fashion-MNIST is neither here nor reachable. Looked for {file.name} in {looked} and "
            f"in {folder}; then asked the mirrors ({error}). Put the four .gz files from {HOMEPAGE} "
            f"into {folder}, or use the built-in garments instead (--data garments)."
        ) from error
