"""Compiled code is kept on disk wherever there is a place for it, and missed nowhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import tinynet
from tinynet.kernels import compiling

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled")

# Runs one kernel and prints how many functions had to be compiled for it.
RUN = """
import numba.core.event as event, numpy as np
from tinynet.kernels.elementwise import relu
import tinynet.kernels.elementwise
with event.install_recorder("numba:compile") as recorder:
    assert relu(np.float32([-1, 2])).tolist() == [0, 2]
compiled = {str(e.data["dispatcher"]) for _, e in recorder.buffer if "_relu" in str(e.data["dispatcher"])}
print(tinynet.__file__, len(compiled))
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the package in which no file named __pycache__/... can be made, not even by root."""
    copy = tmp_path / "installed" / "tinynet"
    shutil.copytree(Path(tinynet.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("in the way of a folder")
    return copy


def run(package, **variables):
    own = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "XDG"))}
    environment = {**own, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    folder = package.parent.parent / "elsewhere"
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, cwd=folder, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == []  # nothing is left lying where the user happens to be
    path, compiled = done.stdout.split()
    assert path == str(package / "__init__.py")
    return int(compiled)


def test_a_read_only_installation_uses_the_users_cache(package, tmp_path):
    cache = tmp_path / "cache"
    assert run(package, XDG_CACHE_HOME=str(cache)) == 1
    assert list(cache.rglob("*.nbc"))
    assert run(package, XDG_CACHE_HOME=str(cache)) == 0


def test_the_folder_that_the_user_names_comes_first(package, tmp_path):
    run(package, NUMBA_CACHE_DIR=str(tmp_path / "named"), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert list((tmp_path / "named").rglob("*.nbc"))
    assert not (tmp_path / "cache").exists()


def test_without_any_place_it_works_all_the_same(package, tmp_path):
    (tmp_path / "file").write_text("")
    assert run(package, XDG_CACHE_HOME=str(tmp_path / "file" / "cache")) == 1


def test_damaged_entries_are_compiled_again_and_replaced(package, tmp_path):
    cache = tmp_path / "cache"
    run(package, XDG_CACHE_HOME=str(cache))
    for pattern in ("*.nbc", "*.nbi"):
        for path in cache.rglob(pattern):
            path.write_bytes(path.read_bytes()[:-20])
        assert run(package, XDG_CACHE_HOME=str(cache)) == 1
        assert run(package, XDG_CACHE_HOME=str(cache)) == 0


def test_a_user_without_a_home_gets_no_folder_named_tilde(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert compiling._cache_of(run) is None
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_not_kept(monkeypatch):
    def full(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(compiling.FunctionCache, "save_overload", full)
    compiling._cache_of(run).save_overload(None, None)
