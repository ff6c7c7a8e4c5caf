"""Make the site: assemble the pages, let Sphinx execute the lessons and render. Any warning is an error."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from tinynet.errors import InputError, MissingDataError

from .. import shelf

HERE = Path(__file__).resolve().parent
ROOT = shelf.FOLDER.parent
TOOLS = ("sphinx", "myst_nb", "jupytext", "sphinx_book_theme", "ipykernel", "sphinx-mathjax-offline")

KERNEL = "c = get_config()\nc.IPKernelApp.log_level = 40  # its warning about TCP is not about a lesson\n"


def build(folder: Path, fast: bool = False) -> int:
    """Execute the lessons and write the site into `folder`; 0 if it is whole, otherwise Sphinx's exit code.

    Outputs of lessons are kept beside the site, as long as no file of the package or the lessons changes.
    """
    if missing := [tool for tool in TOOLS if find_spec(tool) is None]:
        raise MissingDataError(
            f'The site needs {", ".join(missing)}: install it with python -m pip install -e ".[lessons]".'
        )
    if folder.exists() and any(folder.iterdir()) and not (folder / "objects.inv").exists():
        raise InputError(f"{folder} is not empty and no site: choose another folder for --out.")
    from sphinx.cmd.build import build_main

    from .assemble import assemble, write

    work = folder.with_name(folder.name + "-work")
    pages = work / "pages"
    for old in (folder, pages, work / "doctrees"):
        shutil.rmtree(old, ignore_errors=True)
    write(work / "ipython" / "profile_default" / "ipython_kernel_config.py", KERNEL)
    os.environ["IPYTHONDIR"] = str(work / "ipython")  # nobody's own settings change a lesson
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    os.environ["PYTHONPATH"] = os.pathsep.join([str(shelf.FOLDER), str(ROOT)])
    os.environ["TINYNET_LESSON_SITE"] = "1"
    if fast:
        os.environ["TINYNET_FAST"] = "1"
    assemble(pages)
    cache = work / f"outputs-{_fingerprint()}"
    for old in work.glob("outputs-*"):
        if old != cache:
            shutil.rmtree(old)
    options = ["-b", "html", "-c", str(HERE), "-d", str(work / "doctrees"), "-W", "--keep-going", "-q"]
    code = build_main([*options, "-D", f"nb_execution_cache_path={cache}", str(pages), str(folder)])
    for template in (folder / "_static").glob("*webpack-macros.html"):
        template.unlink()  # the themes' own, not pages
    if code == 0:
        print(f"The site: {folder / 'index.html'}")
    return code


def _fingerprint() -> str:
    """Changes with everything that the output of a lesson may depend on, itself excepted."""
    total = hashlib.sha256(os.environ.get("TINYNET_FAST", "").encode())
    for path in sorted([*(ROOT / "tinynet").rglob("*.py"), *shelf.FOLDER.glob("_*")]):
        if path.is_file():
            total.update(path.read_bytes())
    return total.hexdigest()[:16]
