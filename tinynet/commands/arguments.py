"""Kinds of arguments that several commands take, with the sentences that refuse wrong ones."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """A whole number of 1 or more."""
    return _number(text, int, lambda value: value >= 1, "a whole number of 1 or more")


def seed(text: str) -> int:
    """A whole number that starts random numbers."""
    return count_or_zero(text)


def count_or_zero(text: str) -> int:
    """A whole number of 0 or more."""
    return _number(text, int, lambda value: value >= 0, "a whole number of 0 or more")


def rate(text: str) -> float:
    """A number above 0."""
    return _number(text, float, lambda value: 0 < value < float("inf"), "a number above 0")


def fraction(text: str) -> float:
    """A number between 0 and 1."""
    return _number(text, float, lambda value: 0 < value < 1, "a number between 0 and 1")


def amount(text: str) -> float:
    """A number of 0 or more."""
    return _number(text, float, lambda value: 0 <= value < float("inf"), "a number of 0 or more")


def augmentation(text: str) -> str:
    """Words of `data.augment.parse`, in the form in which it would write them itself."""
    from ..data.augment import parse
    from ..errors import InputError

    try:
        return str(parse(text))
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _number(text: str, kind, allowed, expected: str):
    try:
        value = kind(text)
        if allowed(value):
            return value
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"expects {expected}, got {text!r}")


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """The options of a network that are not read off the data; see `building.network_options`."""
    parser.add_argument("--width", type=rate, metavar="W", help="width multiplier (mobilenets)")
    parser.add_argument(
        "--resolution", type=count, metavar="R", help="height and width of the images in pixels"
    )
    parser.add_argument(
        "--stem-stride", type=count, metavar="S", help="stride of a mobilenet's first layer, 1 or 2"
    )


def add_skip_bad(parser: argparse.ArgumentParser) -> None:
    """Whether bad files of a folder are left out; None where nothing is said."""
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        default=None,
        help="leave out files of a folder that are no images that can be read, and name them",
    )


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """How folders of photographs are read; None where nothing is said."""
    add_skip_bad(parser)
    parser.add_argument(
        "--cache",
        action="store_true",
        default=None,
        help="keep the decoded photographs of a folder for the next time, in the user's cache folder",
    )


def add_threads(parser: argparse.ArgumentParser) -> None:
    """How many cores to use."""
    parser.add_argument(
        "--threads",
        type=count,
        metavar="N",
        help="cores to use (default: $TINYNET_NUM_THREADS, or all that this process may use)",
    )


def use_threads(threads: int | None) -> None:
    """Apply --threads; without it, hold the environment variable to its rules now, not later."""
    from ..kernels.threads import num_threads, set_num_threads

    if threads is None:
        num_threads()
    else:
        set_num_threads(threads)
