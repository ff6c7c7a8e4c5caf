"""Draw what augmentations do to the images of a data set: each one several times, beside the original.

WORDS name augmentations and their numbers, separated by commas, as for `tinynet train --augment`:

flip (mirror image, of half of the images; flip:0.3 of fewer), crop:2 (shift by up to 2 pixels, black
comes in), rotate:10 (by up to 10 degrees), zoom:0.1 (by up to a tenth), shear:10 (up to 10 degrees),
shift:0.1 (up to a tenth of height and width), brightness:0.2 and contrast:0.2 (by up to a fifth),
erase:0.5 (noise on a rectangle, in half of the images).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .arguments import add_skip_bad, augmentation, count, seed

if TYPE_CHECKING:
    from ..data import Dataset

HELP = "draw what augmentations do to images"
WORDS = "flip,crop:8,rotate:15,zoom:0.2,shear:15,shift:0.1,brightness:0.4,contrast:0.4,erase:1"
SMALL_WORDS = WORDS.replace("crop:8", "crop:2")
RESOLUTION = 96


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The images, the augmentations, and where the picture goes."""
    parser.add_argument(
        "data", metavar="FOLDER", help="class folders of photographs, or fashion-mnist, or garments"
    )
    parser.add_argument("--out", required=True, metavar="FILE.png", help="the picture to write")
    parser.add_argument("--augment", type=augmentation, metavar="WORDS", help=f"(all of them: {WORDS})")
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="of images and draws (0)")
    parser.add_argument(
        "--resolution", type=count, metavar="R", help=f"to which photographs are brought ({RESOLUTION})"
    )
    add_skip_bad(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the sheet and say where it is."""
    from ..data.augment import Compose, parse
    from ..data.loader import unit_range
    from ..report import style
    from ..report.augmentations import augmentations
    from ..train import files

    out = Path(arguments.out)
    if out.suffix.lower() != ".png" or not out.parent.is_dir():
        raise InputError(
            f"--out expects a file in a folder that is there, SOMETHING.png, got {arguments.out!r}."
        )
    data = _some_images(arguments)
    small = min(data.image_shape[:2]) < RESOLUTION // 2
    compose = parse(arguments.augment or (SMALL_WORDS if small else WORDS))
    rows = {str(each): each for each in compose.augmentations}
    if len(rows) > 1:
        rows["all together"] = Compose(compose.augmentations)
    shape = " x ".join(map(str, data.image_shape[:2]))
    subtitle = f"images of {data.name} at {shape} pixels, seed {arguments.seed}"
    figure = augmentations(unit_range(data.images), rows, arguments.seed, subtitle=subtitle)
    files.write_bytes(out, style.to_png(figure))
    print(f"Saved {out}: {', '.join(rows)}")
    return 0


def _some_images(arguments: argparse.Namespace) -> Dataset:
    """One image of each class, or a few more; of a folder no others are decoded."""
    from ..data import sources
    from ..data.folders import some_images
    from .building import warnings_told

    resolution, seed = arguments.resolution or RESOLUTION, arguments.seed
    with warnings_told():
        if arguments.data not in sources.NAMES:
            return some_images(arguments.data, resolution, seed, bool(arguments.skip_bad))
        if arguments.resolution is not None:
            raise InputError(
                f"--resolution is for folders of photographs: leave it out, {arguments.data} is 28x28."
            )
        data = sources.load(arguments.data, seed).train
    return data.subset([int((data.labels == label).argmax()) for label in range(len(data.class_names))])
