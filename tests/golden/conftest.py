"""The golden files as they are kept, and as the framework that is installed makes them now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tinynet.interop import frameworks

from .files import FRAMEWORKS, Golden

ROOT = Path(__file__).parent.parent.parent
WHERE = ("kept", "live")


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    """`results(framework, where)`: read once; live ones are made by a process of their own."""
    found: dict[tuple[str, str], Golden] = {}

    def get(framework: str, where: str) -> Golden:
        if where == "live":
            absent = frameworks.missing(framework)
            if absent:
                pytest.skip(absent)
        if (framework, where) not in found:
            found[framework, where] = (
                Golden(framework) if where == "kept" else made(framework, tmp_path_factory.mktemp("live"))
            )
        return found[framework, where]

    return get


def made(framework: str, folder: Path) -> Golden:
    """The results of the framework as it is installed here."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.golden.make", framework, "--out", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return Golden(framework, folder)


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    return request.param


@pytest.fixture(params=WHERE)
def where(request):
    return request.param


@pytest.fixture
def golden(results, framework, where):
    return results(framework, where)


@pytest.fixture
def torch(results, where):
    return results("torch", where)


@pytest.fixture
def keras(results, where):
    return results("keras", where)
