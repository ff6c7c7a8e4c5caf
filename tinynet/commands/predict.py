"""Say what is on images: class and probabilities for each, and a picture beside the bar chart.

RUN is a run folder, a model file, or the name of a network whose trained weights are part of the package.
Images are JPEG or PNG files. The centre of each, a square, is brought to the size and the colours of the
network, and the picture shows the result, so that a strange answer can be understood. The garments of
Fashion-MNIST are light on black: use --invert for photographs on white.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .arguments import add_threads, use_threads

if TYPE_CHECKING:
    from .trained import Trained

HELP = "classify image files"
SHOWN = 5  # classes printed for each image
SQUARE = 1.1  # how much longer one side may be before something worth a word is cut off


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the images, and how to read and where to write."""
    parser.add_argument("run", metavar="RUN", help="a run folder, a model.npz, or a name (mobilenet-28)")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="image files")
    parser.add_argument("--invert", action="store_true", help="swap light and dark")
    parser.add_argument(
        "--out", metavar="DIR", help="folder for the pictures (`predicted` in the run folder)"
    )
    add_threads(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print and draw what the network says of every image; all are read before the first answer."""
    from ..data import read_image
    from ..train import predict_probabilities
    from .trained import open_trained

    use_threads(arguments.threads)
    trained = open_trained(arguments.run)
    images = np.stack([read_image(path, trained.shape, arguments.invert) for path in arguments.images])
    probabilities = predict_probabilities(trained.model, images)
    folder = Path(arguments.out) if arguments.out else trained.folder / "predicted"
    folder.mkdir(parents=True, exist_ok=True)
    for source, image, chances in zip(arguments.images, images, probabilities, strict=True):
        picture = _free_name(folder, Path(source).stem)
        _draw(picture, image, chances, trained, source)
        print(_sentence(source, chances, trained.class_names))
        for note in _notes(source, image, trained, arguments.invert):
            print(f"    note: {note}")
        print(f"    picture: {picture}")
    return 0


def _sentence(source: str, chances: np.ndarray, class_names: list[str]) -> str:
    """The class, then the likeliest ones with their probabilities."""
    order = np.argsort(-chances, kind="stable")
    likeliest = ", ".join(f"{class_names[index]} {100 * chances[index]:.1f} %" for index in order[:SHOWN])
    return f"{source}: {class_names[order[0]]}\n    {likeliest}"


def _notes(source: str, image: np.ndarray, trained: Trained, invert: bool) -> list[str]:
    """What may have made the image something else than its owner thinks."""
    from PIL import Image, ImageOps

    from ..data.images import pillow_is_quiet

    notes = []
    with pillow_is_quiet(), Image.open(source) as original:
        width, height = ImageOps.exif_transpose(original).size
    if max(width, height) > SQUARE * min(width, height):
        notes.append(f"only the square in the middle of its {width} x {height} pixels was looked at")
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]).mean()
    if trained.on_black and border > 0.5 and not invert:
        notes.append("it is light at the border, and the network learned from light on black: try --invert")
    return notes


def _draw(path: Path, image: np.ndarray, chances: np.ndarray, trained: Trained, source: str) -> None:
    from ..report import pictures, style
    from ..train.files import write_bytes

    best = int(chances.argmax())
    figure = pictures.prediction(
        image,
        chances,
        trained.class_names,
        title=f"{style.shortened(trained.class_names[best], 50)}, {pictures.percent(chances[best])}",
        subtitle=style.shortened(Path(source).name, 80),
        warning="trained on synthetic garments" if trained.synthetic else "",
    )
    write_bytes(path, style.to_png(figure))


def _free_name(folder: Path, stem: str) -> Path:
    """A file name that is not taken, so that images of one name from two folders both stay."""
    path, number = folder / f"{stem}.png", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.png", number + 1
    return path
