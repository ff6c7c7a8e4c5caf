"""What is measured: the networks, batch sizes and tasks, and the factors that tinynet has to reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tinynet.errors import InputError

TRAINING, INFERENCE = "training", "inference"


@dataclass(frozen=True)
class Network:
    """A network of the zoo with its options, and what tables call it."""

    label: str
    model: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One row of the tables.

    floors: for each peer, the least ratio of its time to tinynet's that was promised: 2.0 is "half its
        time", 0.5 "at most twice its time". A peer without one is shown for comparison.
    """

    name: str
    network: Network
    batch: int
    task: str
    floors: dict[str, float]

    @property
    def label(self) -> str:
        return f"{self.network.label}, batch {self.batch}"


SEPARABLE = Network("separable-cnn", "separable-cnn")
QUARTER = Network(
    "mobilenet 0.25, 28x28x1",
    "mobilenet",
    {"width": 0.25, "resolution": 28, "classes": 10, "in_channels": 1, "stem_stride": 1},
)
OWN = Network("mobilenet-28", "mobilenet-28")
COMPACT = Network("compact-cnn", "compact-cnn")
FULL = Network("mobilenet 1.0, 128x128x3", "mobilenet", {"resolution": 128, "classes": 10})
SIMPLE = Network("simple-cnn", "simple-cnn")


def _training(name: str, network: Network, batch: int, pytorch: float, keras: float) -> Case:
    return Case(f"train-{name}-{batch}", network, batch, TRAINING, {"pytorch": pytorch, "keras": keras})


def _inference(name: str, network: Network, batch: int, **floors: float) -> Case:
    return Case(f"infer-{name}-{batch}", network, batch, INFERENCE, floors)


CASES = (
    _training("separable-cnn", SEPARABLE, 32, pytorch=2.0, keras=2.0),
    _training("separable-cnn", SEPARABLE, 128, pytorch=2.0, keras=2.0),
    _training("mobilenet-0.25", QUARTER, 32, pytorch=2.0, keras=3.0),
    _training("mobilenet-0.25", QUARTER, 128, pytorch=2.0, keras=3.0),
    _training("mobilenet-28", OWN, 128, pytorch=2.0, keras=3.0),
    _training("compact-cnn", COMPACT, 128, pytorch=2.0, keras=2.0),
    _training("mobilenet-1.0", FULL, 16, pytorch=1.3, keras=2.0),
    _training("simple-cnn", SIMPLE, 128, pytorch=1.0, keras=1.5),
    _inference("separable-cnn", SEPARABLE, 1, pytorch=5.0),
    _inference("separable-cnn", SEPARABLE, 128, pytorch=2.5, onnxruntime=0.5),
    _inference("mobilenet-0.25", QUARTER, 1, pytorch=5.0),
    _inference("mobilenet-0.25", QUARTER, 128, pytorch=2.5, onnxruntime=0.5),
)


def chosen(words: list[str] | None) -> list[Case]:
    """The cases called by one of the words, or with it in their name; all of them without words.

    Raises InputError for a word that is in no name.
    """
    names = [case.name for case in CASES]
    wanted = set(names if not words else [])
    for word in words or []:
        found = [word] if word in names else [name for name in names if word in name]
        if not found:
            raise InputError(f"There is no case with {word!r} in its name; there are {', '.join(names)}.")
        wanted.update(found)
    return [case for case in CASES if case.name in wanted]
