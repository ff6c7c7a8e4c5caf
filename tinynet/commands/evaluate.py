"""Measure a trained network on the test images of its data set, or of another with the same classes.

RUN is a run folder, a model file, or the name of a network whose trained weights are part of the package. The
table shows for each class the share of its images that were recognised (recall) and the share of right ones
among those given its name (precision).
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .arguments import add_folder_options, add_threads, use_threads

if TYPE_CHECKING:
    from ..data import Dataset
    from .trained import Trained

HELP = "measure a trained network on test images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run and, if not its own, the data."""
    parser.add_argument("run", metavar="RUN", help="a run folder, a model.npz, or a name (mobilenet-28)")
    parser.add_argument(
        "--data", metavar="DATA", help="as for `tinynet train`; by default the data of the run"
    )
    parser.add_argument(
        "--flips", action="store_true", help="average the outputs over each image and its mirror image"
    )
    add_folder_options(parser)
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print loss, accuracy and a table of the classes."""
    from ..train import confusion_matrix
    from ..train.predictions import predicted_classes
    from .trained import open_trained

    use_threads(arguments.threads)
    trained = open_trained(arguments.run)
    test = test_images(trained, arguments.data, arguments.cache, arguments.skip_bad)
    result, logits = measured(trained, test, arguments.flips)
    how = ", each with its mirror image" if arguments.flips else ""
    print(f"{arguments.run} on {test.name}: {len(test):,} test images{how}")
    print(f"Accuracy {100 * result['accuracy']:.2f} %, loss {result['loss']:.4f}")
    print()
    matrix = confusion_matrix(test.labels, predicted_classes(logits), len(trained.class_names))
    print(class_table(matrix, trained.class_names))
    return 0


def measured(trained: Trained, test: Dataset, flips: bool) -> tuple[dict[str, Any], np.ndarray]:
    """Loss, accuracy and number of the images, and the logits; with `flips` those of mirror images too."""
    from ..train import predict_logits
    from ..train.predictions import measure
    from .building import choose_loss

    logits = predict_logits(trained.model, test, flips=flips)
    return {**measure(logits, test, choose_loss(trained.model)), "images": len(test)}, logits


def test_images(
    trained: Trained, name: str | None, cache: bool | None = None, skip_bad: bool | None = None
) -> Dataset:
    """The test images of the run or of the data called `name`, if the network was made for such.

    Raises InputError, in a sentence, if their classes or their size are not those of the network.
    """
    from .building import check_place, load_test_images

    data = name or trained.data
    if data is None:
        raise InputError("The model file does not say what it was trained on: give --data.")
    if name is None:
        check_place(data)
    height, _, channels = trained.shape
    test = load_test_images(data, trained.seed, height, channels, cache=cache, skip_bad=skip_bad)
    if list(test.class_names) != trained.class_names:
        raise InputError(
            f"--data {data} has the classes {', '.join(test.class_names)}; the network was trained on "
            f"{', '.join(trained.class_names)}: give data with the same classes."
        )
    if tuple(test.image_shape) != trained.shape:
        raise InputError(
            f"--data {data} has images of shape {test.image_shape}, the network takes "
            f"{trained.shape}: give images of that shape."
        )
    return test


def class_table(matrix: np.ndarray, class_names: list[str]) -> str:
    """One line per class of a confusion matrix; a share of nothing is shown as "-"."""
    width = max(len("Class"), *map(len, class_names))
    lines = [f"{'Class':<{width}}  {'Images':>7}  {'Recall':>8}  {'Precision':>9}"]
    for index, name in enumerate(class_names):
        right, images, named = matrix[index, index], matrix[index].sum(), matrix[:, index].sum()
        lines.append(f"{name:<{width}}  {images:>7,}  {_share(right, images):>8}  {_share(right, named):>9}")
    return "\n".join(lines)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "-"
