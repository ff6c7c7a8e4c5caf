"""Train a network and keep everything in a run folder.

The network sees all training images, or with --validation-split those left by it. The val_ columns of
history.json are measured on the images held out or, without --validation-split, on the test images.
Neither is ever used to choose anything: there is no early stopping, and the weights kept are those of
the last epoch. The test accuracy is printed at the end and stands in run.json.

Ctrl-C stops after the step under way and saves; `tinynet train --resume DIR` goes on from there and
ends with the same bits as an uninterrupted training. With more --epochs than the run was begun with,
the learning rate goes on where it would be by then in the longer training. Photographs that were moved
are found again with --data.
"""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import InputError
from .arguments import (
    add_folder_options,
    add_network_options,
    add_threads,
    amount,
    augmentation,
    count,
    fraction,
    rate,
    seed,
    use_threads,
)
from .session import Session, begin, resume
from .settings import CHOICES, DEFAULTS, resolved, settings_of

HELP = "train a network"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All defaults are None here, so that --resume can tell what was given."""
    parser.add_argument(
        "model", nargs="?", metavar="MODEL", help="a name listed by `tinynet models` (separable-cnn)"
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="fashion-mnist, garments (drawn, needs no files), a folder with one folder of images per "
        "class, or auto (default): fashion-mnist, or garments if it cannot be had",
    )
    parser.add_argument("--epochs", type=count, metavar="N", help="passes over the images (10)")
    parser.add_argument("--batch-size", type=count, metavar="N", help="images per step (32)")
    parser.add_argument("--limit", type=count, metavar="N", help="use the first N training images")
    parser.add_argument(
        "--validation-split", type=fraction, metavar="F", help="hold out this fraction, stratified"
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="of everything random (0)")
    parser.add_argument(
        "--optimizer",
        choices=CHOICES["optimizer"],
        help="adam (default), adamw, rmsprop, or sgd with momentum 0.9",
    )
    parser.add_argument("--lr", type=rate, metavar="RATE", help="highest learning rate (0.001; sgd 0.01)")
    parser.add_argument(
        "--schedule",
        choices=CHOICES["schedule"],
        help="of the learning rate over all epochs: cosine (default: falls to 0), constant, or one-cycle",
    )
    parser.add_argument(
        "--weight-decay", type=amount, metavar="X", help="of adamw (0.01) and sgd (0): shrinks the weights"
    )
    parser.add_argument(
        "--label-smoothing",
        type=fraction,
        metavar="X",
        help="spread this share of each label over all classes, in training (and in its loss) only",
    )
    parser.add_argument(
        "--average",
        type=fraction,
        metavar="DECAY",
        help="measure and save the moving average of the weights, for instance 0.999",
    )
    parser.add_argument(
        "--augment",
        type=augmentation,
        metavar="WORDS",
        help="change the training images at random, for instance flip,crop:2 (see tinynet augment --help)",
    )
    add_folder_options(parser)
    add_network_options(parser)
    parser.add_argument("--out", metavar="DIR", help="run folder (runs/MODEL-DATA-DATE-TIME)")
    parser.add_argument("--resume", metavar="DIR", help="go on with the run in this folder")
    add_threads(parser)
    parser.add_argument(
        "--profile",
        action="store_true",
        help="watch 50 training steps, print where their time goes and write profile.json",
    )
    parser.add_argument("--quiet", action="store_true", help="print the result only")


def run(arguments: argparse.Namespace) -> int:
    """Train, and say where everything is; 130 if Ctrl-C ended it."""
    use_threads(arguments.threads)
    session = _resumed(arguments) if arguments.resume else _begun(arguments)
    if arguments.profile:
        _profiled(session, arguments.quiet)
    else:
        session.train(arguments.quiet)
    path = session.folder.path
    if session.trainer.interrupted:
        print(f"Interrupted. To go on: tinynet train --resume {path}")
        return 130
    print(f"Next: tinynet predict {path} IMAGE   or   tinynet evaluate {path}")
    return 0


def _profiled(session: Session, quiet: bool) -> None:
    """Train, and print and keep a profile of some steps."""
    from ..report.profile import Profile
    from ..train import files

    with Profile() as profile:
        session.train(quiet)
    files.write_json(session.folder.path / "profile.json", profile.record())
    print(f"\n{profile}")


def _begun(arguments: argparse.Namespace) -> Session:
    """A new run, from the arguments and the defaults."""
    given = {name: getattr(arguments, name) for name in DEFAULTS}
    settings = {name: value for name, value in given.items() if value is not None}
    return begin(settings, arguments.out, progress=not arguments.quiet)


def _resumed(arguments: argparse.Namespace) -> Session:
    """The run in --resume DIR, as long as it was or longer."""
    from ..train import RunFolder

    folder = RunFolder.open(arguments.resume)
    settings = settings_of(folder)
    _refuse_changes(arguments, settings)
    settings["epochs"] = arguments.epochs or settings["epochs"]
    if arguments.data is not None and arguments.data != settings["data"]:
        settings["data"] = resolved(arguments.data)
    return resume(folder, settings, progress=not arguments.quiet)


def _refuse_changes(arguments: argparse.Namespace, settings: dict[str, Any]) -> None:
    """A resumed run keeps its configuration, but may become longer, and its photographs may have moved."""
    from ..data import sources

    given = {name: getattr(arguments, name) for name in (*DEFAULTS, "out")}
    for name, value in given.items():
        moved = name == "data" and not {value, settings[name]} & {*sources.NAMES}
        if value is None or name == "epochs" or moved or value == settings.get(name):
            continue
        flag = "MODEL" if name == "model" else "--" + name.replace("_", "-")
        raise InputError(
            f"{flag} {value} cannot be combined with --resume: the run has {settings.get(name)!r}, and "
            "only --epochs and the place of its photographs may change. Leave it out, or begin a new run."
        )
