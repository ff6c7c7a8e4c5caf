"""Set a network beside its equal in PyTorch, Keras or ONNX Runtime: the same weights, one batch, every layer.

The table shows how far activations and gradients are apart, and the times of both sides. Every layer gets the
same numbers on both sides, so that a difference is its own; "added up" lets each side go on with what it
computed itself. Batch-norm parameters and biases are drawn at random, as zeros would hide mistakes.

--steps trains both from the same start on the same batches, in float32 and in float64, and the other
framework once more in another of its own ways: so fast does rounding alone drive such a network apart. In
float64 the losses have to agree within 1e-9 at every step. The start is the network after --warm-up steps of
Adam in tinynet: at random weights a deep network with batch norm amplifies rounding in any framework.

Pictures and comparison.json go to a folder. The exit code is 1 if something exceeds its limit.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .arguments import add_network_options, add_threads, count, count_or_zero, rate, seed, use_threads

if TYPE_CHECKING:
    from ..data import Dataset
    from ..interop.sides import Batch
    from ..nn import Sequential

HELP = "compare a network with PyTorch, Keras or ONNX Runtime, layer by layer"
FRAMEWORKS = ("torch", "keras", "onnx")
PARTED = 1  # the exit code
WARM_UP = 300  # steps


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The other side, the network, and how much to compute."""
    parser.add_argument("framework", choices=FRAMEWORKS, metavar="FRAMEWORK", help=", ".join(FRAMEWORKS))
    parser.add_argument(
        "--model", default="mobilenet-28", metavar="NAME", help="a name listed by `tinynet models`"
    )
    add_network_options(parser)
    parser.add_argument("--data", default="auto", metavar="DATA", help="as for `tinynet train`")
    parser.add_argument("--batch-size", type=count, default=32, metavar="N", help="images in a batch (32)")
    parser.add_argument("--steps", type=count, metavar="N", help="also train for so many steps of SGD")
    parser.add_argument("--lr", type=rate, metavar="RATE", help="with --steps: the learning rate (0.01)")
    parser.add_argument(
        "--warm-up", type=count_or_zero, metavar="N", help="with --steps: steps in tinynet before (300)"
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of weights and batches (0)")
    parser.add_argument("--out", metavar="DIR", help="the folder (default: one in runs/)")
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the table, write JSON and pictures, and say whether the two agree."""
    from ..interop import frameworks
    from ..train import files

    use_threads(arguments.threads)
    if arguments.framework == "onnx" and arguments.steps:
        raise InputError("ONNX Runtime does not train: leave --steps out, or compare with torch or keras.")
    for flag, value in (("--lr", arguments.lr), ("--warm-up", arguments.warm_up)):
        if value is not None and arguments.steps is None:
            raise InputError(f"{flag} is for training: give --steps N as well, or leave it out.")
    for name in ("onnx", "onnxruntime") if arguments.framework == "onnx" else (arguments.framework,):
        frameworks.require(name)
    dataset = _dataset(arguments)
    _network(arguments, dataset)  # so that a wrong option is refused before a folder is made
    folder = _folder(arguments)
    record = _compared(arguments, dataset)
    files.write_json(folder / "comparison.json", _finite(record))
    written = ["comparison.json", *_draw(record, folder)]
    print(f"Saved in {folder}: {', '.join(written)}")
    for part in ("layers", "training"):
        if part in record and record[part]["parted"]:
            print(f"The two part at {record[part]['parted']}.")
            return PARTED
    print("Within all limits.")
    return 0


def _dataset(arguments: argparse.Namespace) -> Dataset:
    from .building import checked_size, load_data

    size = checked_size(arguments.model, _chosen(arguments))
    need = arguments.batch_size * (arguments.steps or 1)
    train = load_data(arguments.data, arguments.seed, None, size).train
    if need > len(train):
        raise InputError(
            f"--steps times --batch-size is {need:,} images, {train.name} has {len(train):,}: choose fewer."
        )
    return train


def _network(arguments: argparse.Namespace, dataset: Dataset) -> Sequential:
    from .. import random
    from .building import build_for

    random.seed(arguments.seed)
    return build_for(arguments.model, dataset, _chosen(arguments))


def _chosen(arguments: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in ("width", "resolution", "stem_stride")}


def _folder(arguments: argparse.Namespace) -> Path:
    from ..train import run as runs

    if arguments.out is None:
        folder = runs.default_folder(f"compare-{arguments.framework}", arguments.model)
    else:
        folder = Path(arguments.out)
    runs.check_folder(folder)
    return folder


def _compared(arguments: argparse.Namespace, dataset: Dataset) -> dict[str, Any]:
    from ..data.loader import unit_range
    from ..interop.compare import compare_layers
    from ..report import comparison
    from ..train.run import environment

    steps, size = arguments.steps or 1, arguments.batch_size
    order = np.random.default_rng(arguments.seed).permutation(len(dataset))[: steps * size]
    labels = np.asarray(dataset.labels)
    batches = [
        (np.array(unit_range(dataset.images[np.sort(chosen)])), labels[np.sort(chosen)])
        for chosen in order.reshape(steps, size)
    ]
    model = _network(arguments, dataset)
    record = {"network": model.config, "data": dataset.name, "seed": arguments.seed, **environment()}
    record["layers"] = compare_layers(arguments.framework, model, *batches[0], print)
    print(comparison.table(record["layers"]))
    if arguments.steps:
        record["training"] = _trained(arguments, dataset, batches)
        print(comparison.training_sentences(record["training"]))
    return record


def _trained(arguments: argparse.Namespace, dataset: Dataset, batches: list[Batch]) -> dict[str, Any]:
    from ..interop.compare_training import LR, compare_training, warmed_up

    steps = WARM_UP if arguments.warm_up is None else arguments.warm_up
    print(f"{steps} steps of Adam in tinynet, then both from there")
    network = _network(arguments, dataset)
    start = warmed_up(network, islice(_endless(dataset, arguments.batch_size), steps))
    weights = start.state_dict()

    def build() -> Sequential:
        model = _network(arguments, dataset)
        model.load_state_dict(weights)
        return model

    lr = LR if arguments.lr is None else arguments.lr
    return {**compare_training(arguments.framework, build, batches, print, lr), "warm_up": steps}


def _endless(dataset: Dataset, size: int) -> Iterator[Batch]:
    """Epoch after epoch, in an order that the seed of the network decides."""
    while True:
        yield from dataset.batches(size, shuffle=True)


def _finite(value: Any) -> Any:
    """The record with None for infinity and what is not a number, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _draw(record: dict[str, Any], folder: Path) -> list[str]:
    """Write the pictures; their names."""
    from ..report import comparison, style
    from ..train import files

    network, layers = record["network"], record["layers"]
    width = network["options"].get("width")
    name = network["model"] + (f", width {width:g}" if width else "")
    versions = ", ".join(f"{label} {version}" for label, version in layers["versions"].items())
    subtitle = f"{name}, {layers['batch']} images of {record['data']}, {layers['mode']} mode; {versions}"
    figures = {"comparison.png": comparison.layers_figure(layers, subtitle=subtitle)}
    if "training" in record:
        optimizer = record["training"]["optimizer"]
        how = "SGD, lr {lr:g}, momentum {momentum:g}".format(**optimizer)
        how += f", after {record['training']['warm_up']} steps of Adam"
        figures["training.png"] = comparison.training_figure(
            record["training"], subtitle=f"{name}, batches of {layers['batch']}, {how}; {versions}"
        )
    for file, figure in figures.items():
        files.write_bytes(folder / file, style.to_png(figure))
    return list(figures)
