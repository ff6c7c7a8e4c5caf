"""Show a network as a table: layers, output shapes, parameters and multiply-adds for one image."""

from __future__ import annotations

import argparse

from .arguments import add_network_options, count

HELP = "show a network's layers, shapes, parameters and multiply-adds"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The network and its options."""
    parser.add_argument("model", metavar="MODEL", help="a name listed by `tinynet models`")
    add_network_options(parser)
    parser.add_argument("--classes", type=count, metavar="N", help="number of classes")
    parser.add_argument("--in-channels", type=count, metavar="C", help="1 for grey, 3 for colour")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from .. import models
    from ..report.summary import summary
    from .building import network_options

    options = network_options(
        arguments.model,
        width=arguments.width,
        resolution=arguments.resolution,
        stem_stride=arguments.stem_stride,
        classes=arguments.classes,
        in_channels=arguments.in_channels,
    )
    print(summary(models.build(arguments.model, **options)))
    return 0
