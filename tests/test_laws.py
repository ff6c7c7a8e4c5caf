"""Laws about the package as a whole: what it imports, and in which direction."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tinynet"
FRAMEWORKS = {"torch", "tensorflow", "keras", "jax", "onnx", "onnxruntime", "h5py", "safetensors"}
# Each room may import from those before it, and from single modules of the package.
ROOMS = ["kernels", "ops", "nn", "models", "report", "train", "interop", "commands"]


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_importing_tinynet_loads_no_framework_and_no_plotting():
    assert not loaded_by("import tinynet, tinynet.cli") & (FRAMEWORKS | {"matplotlib"})


def test_importing_tinynet_compiles_nothing():
    code = """
import tinynet
from numba.core.dispatcher import Dispatcher
import gc
print([d.__name__ for d in gc.get_objects() if isinstance(d, Dispatcher) and d.signatures
       and d.__module__.startswith('tinynet')])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def imported(path: Path) -> set[str]:
    """The rooms that a file of the package imports when it is itself imported."""
    found = set()
    package = ["tinynet", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in found if name.startswith("tinynet.")} & {*ROOMS, "tensor", "data"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_those_below_it(room):
    above = set(ROOMS[ROOMS.index(room) + 1 :])
    for path in (PACKAGE / room).rglob("*.py"):
        assert not imported(path) & above, path


def test_the_kernels_know_no_tensor():
    for path in (PACKAGE / "kernels").rglob("*.py"):
        assert not imported(path) & {"tensor", "ops"}, path


def test_no_test_skips_because_one_of_our_own_names_is_missing():
    for path in Path(__file__).parent.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("importorskip"):
                assert not ast.unparse(node.args[0]).strip("'").startswith("tinynet"), path
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                assert "ImportError" not in ast.unparse(node.type), path
