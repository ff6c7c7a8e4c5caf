"""A map of the source on one page: what to read first, and every file with its lines and its subject.

It is generated, so it stays true: sentences are the first lines of the files, numbers are counted.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READING = (
    "tensor.py",
    "ops/math.py",
    "gradcheck.py",
    "ops/broadcasting.py",
    "ops/loss.py",
    "losses.py",
    "ops/conv.py",
    "kernels/conv.py",
    "kernels/depthwise.py",
    "nn/module.py",
    "nn/conv.py",
    "nn/norm.py",
    "optim/optimizers.py",
    "models/mobilenet.py",
    "train/trainer.py",
    "fused/plan.py",
)
ROOMS = (
    (".", "The engine and what everything uses"),
    ("ops", "Differentiable operations"),
    ("kernels", "Loops over plain arrays"),
    ("nn", "Layers"),
    ("optim", "Optimisers and schedules"),
    ("data", "Images and batches"),
    ("data/augment", "Augmentation"),
    ("models", "Networks"),
    ("train", "Training"),
    ("fused", "The fast path"),
    ("interop", "Other frameworks"),
    ("report", "Tables, plots and drawings"),
    ("recipes", "Published networks"),
    ("commands", "The command line"),
)


def files(room: str) -> list[Path]:
    """The Python files of a folder of the package, without those of its folders."""
    return sorted((ROOT / "tinynet" / room).glob("*.py"))


def lines(path: Path) -> int:
    """How many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


def sentence(path: Path) -> str:
    """The first paragraph of a file's docstring, in one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).rstrip(":")


def markdown() -> str:
    """The map, with links relative to the root of the project."""
    every = {path for room, _ in ROOMS for path in files(room)}
    total = sum(map(lines, every))
    page = [
        "# Map of the source",
        f"The package has {len(every)} files and {total:,} lines, blank ones and docstrings included. "
        "Imports point in one direction: the command line knows training and reports, these know networks, "
        "networks know layers, layers know operations, operations know kernels, and kernels know plain "
        "arrays only.",
        "## Reading order",
        f"An afternoon, {sum(lines(ROOT / 'tinynet' / name) for name in READING):,} lines:",
        "\n".join(f"{number}. {_entry(ROOT / 'tinynet' / name)}" for number, name in enumerate(READING, 1)),
    ]
    for room, title in ROOMS:
        paths = files(room)
        name = "tinynet" if room == "." else f"tinynet/{room}"
        page.append(f"## {title}: {name}")
        page.append(f"{len(paths)} files, {sum(map(lines, paths)):,} lines.")
        page.append("\n".join(f"- {_entry(path)}" for path in paths))
    return "\n\n".join(page) + "\n"


def _entry(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    return f"[`{name.removeprefix('tinynet/')}`]({name}) ({lines(path):,}): {sentence(path)}"
