"""Write a trained network for use elsewhere: in half precision, or as an ONNX file, by the ending of FILE.

RUN is a run folder or a model file. What is written is measured on the test images of its data, and what came
out stands with the size and the SHA-256 sum of FILE in a JSON file beside it.

FILE.npz has half of the size and can be used like model.npz. In a clone of the project
`tinynet export RUN tinynet/models/weights/NAME.npz` makes the weights that are part of the package.

FILE.onnx is for ONNX Runtime and others; its input has the layout (N, H, W, C) and fractions in 0..1. It is
written if ONNX Runtime gives the same outputs as tinynet; that takes `pip install onnx onnxruntime`.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..errors import ConversionError, InputError
from .arguments import add_folder_options, add_threads, use_threads

if TYPE_CHECKING:
    from ..data import Dataset
    from ..nn import Sequential
    from .trained import Trained

HELP = "write a trained network in half precision or for ONNX"
TOLERANCE = 1e-4  # between our logits and ONNX Runtime's, as a share of the largest one where that is above 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the file, and the data if they are not those of the run."""
    parser.add_argument("run", metavar="RUN", help="a run folder, or a saved model.npz")
    parser.add_argument("file", metavar="FILE", help="where to write, with the ending .npz or .onnx")
    parser.add_argument("--data", metavar="DATA", help="as for `tinynet evaluate`")
    add_folder_options(parser)
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write both files, and print what has changed."""
    from .evaluate import test_images
    from .trained import open_trained

    use_threads(arguments.threads)
    file = Path(arguments.file)
    write = {".npz": _write_half, ".onnx": _write_onnx}.get(file.suffix)
    if write is None:
        raise InputError(f"FILE expects a name that ends in .npz or .onnx, got {arguments.file}.")
    if not file.parent.is_dir():
        raise InputError(f"{file} cannot be written, as there is no folder {file.parent}: make it first.")
    trained = open_trained(arguments.run)
    write(trained, test_images(trained, arguments.data, arguments.cache, arguments.skip_bad), file)
    return 0


def _write_half(trained: Trained, test: Dataset, file: Path) -> None:
    from ..train import checkpoint
    from .evaluate import measured

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
    _record(trained, file, test, results)
    for words, result in (
        ("before", before),
        ("rounded", results["test"]),
        ("with mirror images", results["flipped"]),
    ):
        print(f"{words:<18}  accuracy {100 * result['accuracy']:.2f} %, loss {result['loss']:.4f}")


def _write_onnx(trained: Trained, test: Dataset, file: Path) -> None:
    from ..interop import frameworks, onnx
    from ..train import files
    from .evaluate import measured

    runtime = frameworks.require("onnxruntime")
    written = onnx.onnx_model(trained.model)
    before, logits = measured(trained, test, flips=False)
    agreement = _agreement(logits, _runtime_logits(onnx.open_session(written), test))
    if not agreement["difference"] <= TOLERANCE * max(1.0, agreement["largest"]):
        raise ConversionError(
            f"ONNX Runtime's outputs differ from tinynet's by up to {agreement['difference']:.1e} where the "
            f"largest is {agreement['largest']:.1f}: {file} was not written. Please report this."
        )
    files.write_bytes(file, written.SerializeToString())
    made = {"opset": onnx.OPSET, "onnxruntime": runtime.__version__, **agreement}
    _record(trained, file, test, {"test": before, "onnx": made})
    shape = ", ".join(map(str, trained.shape))
    print(
        f"ONNX opset {onnx.OPSET}: {onnx.INPUT} (N, {shape}), fractions in 0..1, to {onnx.OUTPUT} "
        f"(N, {logits.shape[1]}), the values before softmax"
    )
    print(
        f"ONNX Runtime {runtime.__version__} on {len(test):,} test images: outputs within "
        f"{agreement['difference']:.1e} of tinynet's, another class for {agreement['other_classes']:,}"
    )


def _runtime_logits(run: Any, test: Dataset) -> np.ndarray:
    from ..data.loader import unit_range
    from ..train.predictions import BATCH

    starts = range(0, len(test), BATCH)
    return np.concatenate([run(unit_range(test.images[start : start + BATCH])) for start in starts])


def _agreement(ours: np.ndarray, theirs: np.ndarray) -> dict[str, Any]:
    """How far two tables of logits (N, K) are from each other."""
    from ..train.predictions import predicted_classes

    return {
        "difference": float(np.abs(ours - theirs).max()),
        "largest": float(np.abs(ours).max()),
        "other_classes": int(np.sum(predicted_classes(ours) != predicted_classes(theirs))),
    }


def _record(trained: Trained, file: Path, test: Dataset, results: dict[str, Any]) -> None:
    """Write the JSON file beside `file`, and say what was written."""
    from ..train import files

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
