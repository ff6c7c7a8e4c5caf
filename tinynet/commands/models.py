"""List the networks that can be trained by name, with their options and defaults."""

from __future__ import annotations

import argparse

HELP = "list the networks that can be trained by name"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None."""


def run(arguments: argparse.Namespace) -> int:
    """Print names, sentences and options."""
    from .. import models

    for name in models.names():
        options = ", ".join(f"{option}={value}" for option, value in models.options(name).items())
        print(f"{name}\n    {models.describe(name)}\n    Options: {options}")
    return 0
