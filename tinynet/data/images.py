"""One image file to pixels, by one rule, so that prediction sees images exactly as training did.

The rule: turn it upright (EXIF), put transparent parts on white, convert to RGB or grey (ITU-R 601
luma, 0.299 R + 0.587 G + 0.114 B), scale it so that it just covers the wanted size, keeping its
proportions, and cut off what sticks out, equally on both sides. Scaling is antialiased bilinear.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from ..arguments import positive_int
from ..errors import DataError, InputError
from .files import as_path, read_file
from .loader import unit_range

EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png")
MAX_PIXELS = 50_000_000  # a photograph has fewer; a forged header announces more
MODES = {"rgb": "RGB", "grey": "L"}
_WHITE = (255, 255, 255, 255)
# What Pillow raises for damaged files of the formats we read.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


def read_image(path: str | Path, shape: tuple[int, int, int], invert: bool = False) -> np.ndarray:
    """One JPEG or PNG file as float32 in 0..1 of `shape` (H, W, C), as a network takes it.

    C = 1 reads it in grey and C = 3 in colour. `invert` swaps light and dark, for photographs on
    white given to a network that learned from images on black, such as Fashion-MNIST.

    Raises InputError for another C or no size, MissingDataError or DataError, naming the file, if it is not
    there or is not a sound JPEG or PNG image of at most 50 million pixels.
    """
    if not isinstance(shape, tuple | list) or len(shape) != 3 or shape[2] not in (1, 3):
        raise InputError(f"shape expects 1 or 3 channels, (H, W, 1) or (H, W, 3), got {shape!r}.")
    size = checked_size("shape", shape[:2])
    with pillow_is_quiet():
        pixels = load_pixels(as_path("path", path), size, "grey" if shape[2] == 1 else "rgb")
    return unit_range(255 - pixels if invert else pixels)


@contextmanager
def pillow_is_quiet() -> Iterator[None]:
    """Silence Pillow's own warnings. Not per thread.

    They are about huge images, which `load_pixels` refuses, and about a camera's notes in the file
    that make no sense, which the pixels do not need.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


def checked_size(name: str, size: Any) -> tuple[int, int]:
    """(H, W) from one whole number for both, or from two; InputError unless both are positive."""
    height, width = size if isinstance(size, tuple | list) and len(size) == 2 else (size, size)
    try:
        return positive_int(name, height), positive_int(name, width)
    except InputError:
        raise InputError(
            f"{name} expects a positive whole number or two of them, (H, W), got {size!r}."
        ) from None


def checked_mode(mode: Any) -> str:
    """The mode, or InputError."""
    if not isinstance(mode, str) or mode not in MODES:
        raise InputError(f'mode expects "rgb" or "grey", got {mode!r}.')
    return mode


def load_pixels(path: Path, size: tuple[int, int], mode: str) -> np.ndarray:
    """The file as (H, W, 3) uint8 for mode "rgb" or (H, W, 1) for "grey", by the rule above."""
    content = read_file(path)
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            _check_pixels(image, path)
            # A JPEG can be decoded at 1/2, 1/4 or 1/8: fast, and fine while twice the size remains.
            image.draft(None, (2 * max(size), 2 * max(size)))
            upright = _flatten(ImageOps.exif_transpose(image))
    except Image.UnidentifiedImageError:
        raise DataError(
            f"{path} is not a JPEG or PNG image, whatever its name says: convert or remove it."
        ) from None
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path} is too large for a photograph ({error}): scale it down first, or remove it."
        ) from None
    except DataError:
        raise
    except _DAMAGED as error:
        raise DataError(
            f"{path} cannot be read, it is truncated or damaged ({error}): replace or remove it."
        ) from error
    height, width = size
    fitted = ImageOps.fit(upright.convert(MODES[mode]), (width, height), Image.Resampling.BILINEAR)
    return np.asarray(fitted).reshape(height, width, -1)


def _check_pixels(image: Image.Image, path: Path) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DataError(
            f"{path} announces {width} x {height} pixels, more than {MAX_PIXELS:,}: "
            "scale it down first, or remove it if it is no photograph."
        )


def _flatten(image: Image.Image) -> Image.Image:
    """Any mode as 8-bit grey, RGB or CMYK: 16 bits cut to 8, transparency put on white."""
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip rather than scale
        grey = np.asarray(image).astype(np.int32)
        clear = grey == image.info.get("transparency", -1)  # the one grey that stands for nothing
        return Image.fromarray(np.where(clear, 255, grey >> 8).astype(np.uint8))
    if image.mode in ("LA", "RGBA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer).convert("RGB")
    return image.convert("RGB") if image.mode == "P" else image
