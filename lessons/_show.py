"""What every lesson needs: images, source code and figures, in a notebook, on the site and in a terminal.

A lesson says `from _show import data, fast, figure, source`, since `python lessons/NN_name.py` and notebooks
both look for modules in the lesson's own folder.
"""

from __future__ import annotations

import inspect
import os
import sys
import tempfile
import textwrap
import warnings
from pathlib import Path
from typing import Any

import matplotlib

import tinynet as tn

ROOT = Path(__file__).resolve().parent.parent
FAST_TRAIN, FAST_TEST = 1000, 500


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


if _in_notebook():
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg")  # sharp at any size of a page
else:
    matplotlib.use("Agg")  # a script draws into files and needs no display


def fast() -> bool:
    """Whether `TINYNET_FAST` asks for few images and few steps, as the tests do."""
    return os.environ.get("TINYNET_FAST", "0") not in ("", "0")


def data(n: int, seed: int = 0) -> tn.data.Splits:
    """(train, test): the first `n` training images of Fashion-MNIST, and its test images.

    Without Fashion-MNIST, and always in fast mode, garments that tinynet draws itself; it says which.
    """
    if fast():
        train = tn.data.garments(min(n, FAST_TRAIN), seed)
        test = tn.data.garments(FAST_TEST, seed, start=FAST_TRAIN)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", tn.data.FallbackWarning)  # said below, where all see it
            train, test = tn.data.load("auto", seed, limit=n)
    kind = "Fashion-MNIST" if train.name == "fashion-mnist" else "garments that tinynet drew"
    print(f"{len(train):,} training and {len(test):,} test images, {kind}")
    return tn.data.Splits(train, test)


def source(*objects: Any) -> None:
    """Show the code of functions, classes or modules as it stands in the package, with its place."""
    for thing in objects:
        code = getattr(thing, "py_func", thing)  # of a kernel, the Python it was compiled from
        lines, first = inspect.getsourcelines(code)
        path = Path(inspect.getsourcefile(code) or "").resolve()
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
        place = f"{name}, line {max(first, 1)}"  # of a module, inspect says 0
        text = textwrap.dedent("".join(lines)).rstrip()
        if _in_notebook():
            _show_code(text, place, path, first)
        else:
            print(f"# {place}\n{text}\n")


def _show_code(text: str, place: str, path: Path, first: int) -> None:
    """Code in a notebook, coloured; on the site with a link to the page of its file."""
    from IPython.display import display

    if os.environ.get("TINYNET_LESSON_SITE") and path.is_relative_to(ROOT):
        page = path.relative_to(ROOT).with_suffix(".html").as_posix()
        place = f'<a href="../source/{page}#L-{max(first, 1)}">{place}</a>'
    display({"text/html": f'<p class="place">{place}</p>', "text/plain": place}, raw=True)
    display({"text/markdown": f"```python\n{text}\n```", "text/plain": text}, raw=True)


def figure(drawing: Any, name: str) -> None:
    """Show a matplotlib figure in a notebook; elsewhere save it as `name`.png and say where.

    Files go to the folder `TINYNET_LESSON_FIGURES`, or to a temporary one. The figure is closed.
    """
    from matplotlib import pyplot

    if _in_notebook():
        from IPython.display import display

        display(drawing)
    else:
        folder = Path(os.environ.get("TINYNET_LESSON_FIGURES") or tempfile.mkdtemp(prefix="tinynet-lesson-"))
        folder.mkdir(parents=True, exist_ok=True)
        drawing.savefig(folder / f"{name}.png", dpi=144, bbox_inches="tight")
        print(f"figure: {folder / name}.png")
    pyplot.close(drawing)
