"""Write the weights of a network for another framework, or take over those that another one has trained.

SOURCE is a run folder, a saved model.npz, or a file of another framework; for the last, --model says what
network the weights are of. TARGET is written in the format of its ending: .npz (ours, for tinynet evaluate
and predict), .safetensors and .pt (PyTorch's names and layouts), .weights.h5 and .keras (Keras).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .arguments import add_network_options, count

if TYPE_CHECKING:
    from ..nn import Sequential

HELP = "write weights for another framework, or take them from one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Both files, and the network where the first does not say."""
    parser.add_argument("source", metavar="SOURCE", help="a run folder or a file of weights")
    parser.add_argument("target", metavar="TARGET", help="the file to write")
    parser.add_argument("--model", metavar="NAME", help="the network, for a file of another framework")
    add_network_options(parser)
    parser.add_argument("--classes", type=count, metavar="N", help="number of classes")
    parser.add_argument("--in-channels", type=count, metavar="C", help="1 for grey, 3 for colour")
    parser.add_argument(
        "--order",
        metavar="NAMES",
        help="for .safetensors: the first parts of names in the order of the layers, as features,classifier",
    )


def run(arguments: argparse.Namespace) -> int:
    """Read, write, and say what was written."""
    from ..interop import weights
    from ..interop.onnx import check_target
    from ..train import checkpoint

    weights.check_ending(arguments.target)  # before the work, not after
    check_target(arguments.target)
    source = Path(arguments.source)
    ours = source.is_dir() or source.suffix == ".npz"
    names = ("width", "resolution", "stem_stride", "classes", "in_channels")
    options = {name: getattr(arguments, name) for name in names}
    if ours:
        for name, value in {"model": arguments.model, "order": arguments.order, **options}.items():
            if value is not None:
                flag = "--" + name.replace("_", "-")
                raise InputError(f"{flag} does not apply to {source}, which says what it is: leave it out.")
        model = checkpoint.load(source)
        metadata = checkpoint.read_metadata(source)
    else:
        model = _loaded(arguments, options)
        metadata = {}
    if Path(arguments.target).suffix == ".npz":
        checkpoint.save(arguments.target, model, **metadata)
    else:
        weights.save_weights(model, arguments.target)  # type: ignore[arg-type]  # the zoo has Sequentials alone
    print(f"{arguments.target}: {model.parameter_count():,} parameters")
    return 0


def _loaded(arguments: argparse.Namespace, options: dict[str, int | float | None]) -> Sequential:
    """The network that the options describe, with the weights of another framework."""
    from ..interop import weights
    from .building import build_network

    if arguments.model is None:
        raise InputError(f"{arguments.source} does not say what network it is of: give --model NAME.")
    model = build_network(arguments.model, options)
    weights.load_weights(
        model, arguments.source, order=None if arguments.order is None else arguments.order.split(",")
    )
    return model.eval()
