"""Write what Sphinx reads: lessons, documents with their links mended, the map, source pages, the API.

Everything is generated into one folder, so that the site keeps no copy of anything that could grow old.
"""

from __future__ import annotations

import os
import re
import shutil
from importlib import import_module
from pathlib import Path

import jupytext
import nbformat

from .. import shelf, source_map
from . import figures

ROOT = shelf.FOLDER.parent
HERE = Path(__file__).resolve().parent
DOCUMENTS = {  # files of the project, and the page that each becomes
    "README.md": "project.md",
    "results/README.md": "results.md",
    "benchmarks/README.md": "benchmarks.md",
    "docs/design.md": "docs/design.md",
    "docs/fast-path.md": "docs/fast-path.md",
    "docs/mobilenet.md": "docs/mobilenet.md",
    "docs/differences.md": "docs/differences.md",
    "docs/comparing.md": "docs/comparing.md",
}
FIGURES = {  # pages with a figure that moves
    "lessons/site/figures/separable.md": "figures/separable.md",
    "lessons/site/figures/classifier.md": "figures/classifier.md",
}
API = (
    "tinynet",
    "tinynet.nn",
    "tinynet.nn.init",
    "tinynet.losses",
    "tinynet.optim",
    "tinynet.data",
    "tinynet.data.augment",
    "tinynet.models",
    "tinynet.train",
    "tinynet.ops",
    "tinynet.interop",
    "tinynet.recipes",
    "tinynet.errors",
)
ELSEWHERE = {"tinynet": "History, Trainer, load, save"}  # the page of tinynet.train has them
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
TABLE = re.compile(r"<!-- results -->.*<!-- end of results -->[^\n]*", re.DOTALL)


def assemble(folder: Path) -> None:
    """Fill an empty folder with the sources of all pages."""
    write_lessons(folder)
    write_documents(folder)
    write_figures(folder)
    write_sources(folder)
    write_reference(folder)
    write(folder / "source-map.md", relinked(source_map.markdown(), "source-map.md", "source-map.md", folder))
    write(folder / "index.md", index())


def write(path: Path, text: str) -> None:
    """Write a page, with the folders it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_lessons(folder: Path) -> None:
    """Each lesson twice: as it is, to be downloaded, and with links, to be executed and rendered."""
    for path in shelf.lessons():
        notebook = jupytext.read(path, fmt="py:percent")
        notebook.metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        }
        write(folder / "downloads" / f"{path.stem}.ipynb", nbformat.writes(notebook))
        name = f"lessons/{path.stem}.ipynb"
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = relinked(cell.source, f"lessons/{path.name}", name, folder)
        notebook.cells.insert(1, nbformat.v4.new_markdown_cell(guide(path)))
        write(folder / name, nbformat.writes(notebook))


def guide(lesson: Path) -> str:
    """How to run a lesson oneself, and where its exercises are."""
    lines = [
        f"`python lessons/{lesson.name}`, or {{download}}`as a notebook <../downloads/{lesson.stem}.ipynb>`"
    ]
    for folder, title in (("exercises", "starter of the exercises"), ("solutions", "solutions")):
        if (shelf.FOLDER / folder / lesson.name).exists():
            lines.append(f"[{title}](../source/lessons/{folder}/{lesson.stem}.rst)")
    return "```{container} guide\n" + " · ".join(lines) + "\n```"


def write_documents(folder: Path) -> None:
    """The Markdown files of the project; the results with the README's table."""
    for name, page in DOCUMENTS.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        if page == "results.md" and (table := TABLE.search((ROOT / "README.md").read_text(encoding="utf-8"))):
            text += "\n" + table.group()
        write(folder / page, relinked(text, name, page, folder))


def write_figures(folder: Path) -> None:
    """The pages with figures, and what each of their words in capitals stands for."""
    fillings = {
        "COUNT_TABLE": figures.count_table(),
        "IMAGES_SENTENCE": figures.write_data(folder / "static" / "figures"),
        "NETWORK_CODE": (HERE / "static" / "figures" / "network.js").read_text(encoding="utf-8"),
    }
    for name, page in FIGURES.items():
        text = relinked((ROOT / name).read_text(encoding="utf-8"), name, page, folder)
        for word, filling in fillings.items():
            text = text.replace(word, filling)
        write(folder / page, text)


def relinked(text: str, name: str, page: str, folder: Path) -> str:
    """The links of a file of the project as links between pages; what has no page becomes plain text."""

    def mended(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        if target.startswith(("http", "#", "mailto:")):
            return match.group()
        target, hash_, anchor = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(name), target))
        if picture:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, folder / file)
        goal = file if picture else page_of(file)
        if goal is None:
            return words
        return f"{picture}[{words}]({os.path.relpath(goal, os.path.dirname(page) or '.')}{hash_}{anchor})"

    return LINK.sub(mended, text)


def page_of(file: str) -> str | None:
    """The page that shows a file of the project."""
    path = ROOT / file
    if page := (DOCUMENTS | FIGURES).get(file):
        return page
    if path in shelf.lessons():
        return f"lessons/{path.stem}.ipynb"
    return f"source/{file.removesuffix('.py')}.rst" if path in source_files() else None


def source_files() -> list[Path]:
    """The files that have a source page: the package, and exercises with their solutions and checks."""
    folders = (ROOT / "tinynet", *(shelf.FOLDER / name for name in ("exercises", "solutions", "checks")))
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def write_sources(folder: Path) -> None:
    """A page for each source file; the search leaves them out, as the API has their names."""
    for path in source_files():
        name = path.relative_to(ROOT).as_posix()
        page = f":orphan:\n:nosearch:\n\n{name}\n{'=' * len(name)}\n\n.. source-page:: {name}\n"
        write(folder / "source" / f"{name.removesuffix('.py')}.rst", page)


def write_reference(folder: Path) -> None:
    """A page for each module of the API, and one that lists them."""
    for name in API:
        options = "   :members:\n"
        if "__all__" in vars(import_module(name)):
            options += "   :imported-members:\n"
        if name in ELSEWHERE:
            options += f"   :exclude-members: {ELSEWHERE[name]}\n"
        write(
            folder / "api" / f"{name}.rst", f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n{options}"
        )
    listed = "\n".join(f"   {name}" for name in API)
    title = "The API\n=======\n\nFrom the docstrings; `[source]` leads to the line.\n"
    write(folder / "api" / "index.rst", f"{title}\n.. toctree::\n\n{listed}\n")


def index() -> str:
    """The first page: the entrances, and the lessons with their questions."""
    listed = []
    for path in shelf.lessons():
        text = " ".join(
            line.removeprefix("#").strip() for line in path.read_text(encoding="utf-8").splitlines()
        )
        question = re.search(r"\*\*(?:Question: )?(.*?)\*\*", text)
        title = re.search(r"^# # (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        if question is None or title is None:
            raise SystemExit(f"{path} has no title, or no question in bold below it.")
        listed.append(f"{int(path.stem[:2])}. [{title[1]}](lessons/{path.stem}.ipynb): {question[1]}")
    text = (HERE / "index.md").read_text(encoding="utf-8")
    text = text.replace("LESSON_LIST", "\n".join(listed))
    return text.replace("LESSON_PAGES", "\n".join(f"lessons/{path.stem}" for path in shelf.lessons()))
