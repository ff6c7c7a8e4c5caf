"""Write a trained network in half precision: one file of a half of the size that can be used like model.npz.

RUN is a run folder or a model file. The rounded network is measured on the test images of its data, and what
came out stands with the size and the SHA-256 sum of FILE in a JSON file beside it. In a clone of the project
`tinynet export RUN tinynet/models/weights/NAME.npz` makes the weights that are part of the package.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import InputError
from .arguments import add_threads, use_threads

if TYPE_CHECKING:
    from ..nn import Sequential

HELP = "write a trained network in half precision"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the file, and the data if they are not those of the run."""
    parser.add_argument("run", metavar="RUN", help="a run folder, or a saved model.npz")
    parser.add_argument("file", metavar="FILE", help="where to write, with the ending .npz")
    parser.add_argument("--data", metavar="DATA", help="as for `tinynet evaluate`")
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write both files, and print what rounding has changed."""
    from ..train import checkpoint, files
    from .evaluate import measured, test_images
    from .trained import open_trained

    use_threads(arguments.threads)
    file = Path(arguments.file)
    if file.suffix != ".npz":
        raise InputError(f"FILE expects a name that ends in .npz, got {arguments.file}.")
    trained = open_trained(arguments.run)
    test = test_images(trained, arguments.data)
    before, _ = measured(trained, test, flips=False)
    checkpoint.save(
        file,
        trained.model,
        half=True,
        class_names=trained.class_names,
        data=test.name,
        seed=trained.seed,
    )
    rounded = trained._replace(model=cast("Sequential", checkpoint.load(file)))
    results = {
        name: measured(rounded, test, flips=flips)[0] for name, flips in (("test", False), ("flipped", True))
    }
    content = file.read_bytes()
    record = {
        "network": trained.model.config,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "data": test.name,
        **results,
    }
    files.write_json(file.with_suffix(".json"), record)
    print(f"{file}: {len(content):,} bytes, {trained.model.parameter_count():,} parameters")
    for words, result in (
        ("before", before),
        ("rounded", results["test"]),
        ("with mirror images", results["flipped"]),
    ):
        print(f"{words:<18}  accuracy {100 * result['accuracy']:.2f} %, loss {result['loss']:.4f}")
    return 0
