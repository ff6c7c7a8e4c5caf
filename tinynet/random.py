"""One seed for everything random: initialisers, dropout, shuffling, augmentation.

Each purpose draws from a stream of its own, so that adding a dropout layer does not change the order
in which the images come. The state of all streams fits into JSON: a resumed training goes on as if
it had never stopped.
"""

from __future__ import annotations

import zlib

import numpy as np

from .errors import InputError

_seed: int = int(np.random.SeedSequence().generate_state(1)[0])
_streams: dict[str, np.random.Generator] = {}


def seed(value: int) -> None:
    """Start every random stream of tinynet anew from `value`, a non-negative integer.

    Raises InputError for anything else.
    """
    global _seed
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 0:
        raise InputError(f"seed expects a non-negative integer, got {value!r}.")
    _seed = int(value)
    _streams.clear()


def stream(name: str) -> np.random.Generator:
    """The generator for one purpose, such as "init", "dropout", "shuffle", "augment" or "split"."""
    if name not in _streams:
        _streams[name] = np.random.default_rng([_seed, zlib.crc32(name.encode())])
    return _streams[name]


def state() -> dict:
    """The seed and the state of every stream drawn from so far, as plain JSON types."""
    return {
        "seed": _seed,
        "streams": {name: rng.bit_generator.state for name, rng in _streams.items()},
    }


def restore(saved: dict) -> None:
    """Go back to a `state()`: the streams continue exactly as they did after it was taken."""
    seed(saved["seed"])
    for name, rng_state in saved["streams"].items():
        stream(name).bit_generator.state = rng_state
