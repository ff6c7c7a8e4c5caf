"""The networks that can be built by name, and what is known about them.

    model = tn.models.build("mobilenet", width=0.25, resolution=128, classes=10)

Each builder is a function with keyword options that returns a Sequential. `build` adds to it what a
checkpoint needs to build it again: `config` with the name and all options, defaults included, as
JSON types.

    model = tn.models.build("mobilenet-28", pretrained=True)    # with the weights of the package
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..arguments import above_zero, positive_int
from ..errors import InputError
from ..nn import Sequential
from .mobilenet import mobilenet, mobilenet_28
from .pretrained import load as load_pretrained
from .reference import compact_cnn, separable_cnn, separable_cnn_binary, simple_cnn


class Entry(NamedTuple):
    """A builder and the sentence that `tinynet models` shows."""

    build: Callable[..., Sequential]
    sentence: str


_ZOO = {
    "separable-cnn": Entry(
        separable_cnn,
        "Two separable convolutions (32, 64), each with ReLU and max pooling, then dense 128.",
    ),
    "separable-cnn-binary": Entry(
        separable_cnn_binary,
        "The separable CNN for colour photographs of two classes, with one output.",
    ),
    "simple-cnn": Entry(
        simple_cnn,
        "One convolution, max pooling, dropout and a dense layer of 5408: 29.3 million parameters.",
    ),
    "compact-cnn": Entry(
        compact_cnn,
        "Three convolutions and two dense layers with dropout between, under 35,000 parameters.",
    ),
    "mobilenet": Entry(
        mobilenet,
        "MobileNet v1: 28 layers of depthwise and pointwise convolutions, any width and resolution.",
    ),
    "mobilenet-28": Entry(
        mobilenet_28,
        "The project's MobileNet for 28x28 images: a convolution and eight separable blocks.",
    ),
}


def names() -> list[str]:
    """The names that `build` knows."""
    return list(_ZOO)


def describe(name: str) -> str:
    """What the network is, in one sentence. Raises InputError for an unknown name."""
    return _entry(name).sentence


def options(name: str) -> dict[str, Any]:
    """The options of a network with their defaults. Raises InputError for an unknown name."""
    parameters = inspect.signature(_entry(name).build).parameters
    return {option: parameter.default for option, parameter in parameters.items()}


def build(name: str, pretrained: bool = False, **chosen: Any) -> Sequential:
    """A new network with random weights; `.config`, `.input_shape` and `.classes` are set.

    pretrained: with the trained weights of the package instead, and in evaluation mode.
    Raises InputError for an unknown name or option, listing what there is, for a value out of range, and
    where there are no trained weights of such a network.
    """
    entry = _entry(name)
    everything = options(name)
    for option in chosen:
        if option not in everything:
            raise InputError(_unknown(f"option of {name}", option, everything))
    if pretrained:
        kinds = {option: _plain(option, value, everything[option]) for option, value in chosen.items()}
        return load_pretrained(name, kinds)
    plain = {
        option: _plain(option, chosen.get(option, default), default) for option, default in everything.items()
    }
    model = entry.build(**plain)
    model.config = {"model": name, "options": plain}
    return model


def _plain(option: str, value: Any, default: int | float) -> int | float:
    """`value`, whatever library it comes from, as the kind of Python number that the default is."""
    return above_zero(option, value) if isinstance(default, float) else positive_int(option, value)


def _entry(name: str) -> Entry:
    if not isinstance(name, str) or name not in _ZOO:
        raise InputError(_unknown("model", name, _ZOO))
    return _ZOO[name]


def _unknown(kind: str, given: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(given), list(known), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no {kind} called {given!r}; there are {', '.join(known)}.{hint}"
