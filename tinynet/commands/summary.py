"""Show a network as a table: layers, output shapes, parameters and multiply-adds for one image."""

from __future__ import annotations

import argparse

from ..errors import InputError
from .arguments import add_network_options, count

HELP = "show a network's layers, shapes, parameters and multiply-adds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The network and its options."""
    parser.add_argument("model", metavar="MODEL", help="a name listed by `tinynet models`")
    add_network_options(parser)
    parser.add_argument("--classes", type=count, metavar="N", help="number of classes")
    parser.add_argument("--in-channels", type=count, metavar="C", help="1 for grey, 3 for colour")
    parser.add_argument(
        "--tables", action="store_true", help="of mobilenet: the tables of its paper beside our counts"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the table, or those of the paper."""
    from ..report import mobilenet
    from ..report.summary import summary
    from .building import build_network

    names = ("width", "resolution", "stem_stride", "classes", "in_channels")
    chosen = {name: getattr(arguments, name) for name in names}
    if arguments.tables:
        if arguments.model != "mobilenet" or any(value is not None for value in chosen.values()):
            raise InputError("--tables takes mobilenet as it is: give tinynet summary mobilenet --tables.")
        print(mobilenet.page(), end="")
        return 0
    print(summary(build_network(arguments.model, chosen)))
    return 0
