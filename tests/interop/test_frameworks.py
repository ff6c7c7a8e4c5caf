"""What is said where a framework is missing or broken."""

import sys

import pytest

from tinynet.errors import InputError
from tinynet.interop import frameworks


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: None)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("torch", "PyTorch is not installed: pip install torch"),
        (
            "keras",
            r"Keras is not installed \(keras and tensorflow cannot be found\): pip install keras t",
        ),
        ("h5py", "h5py is not installed: pip install h5py"),
    ],
)
def test_a_missing_framework_is_an_error_that_says_what_to_install(nothing_installed, name, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        frameworks.require(name)


def test_a_framework_that_does_not_load_is_told_from_one_that_is_missing(monkeypatch, tmp_path):
    (tmp_path / "h5py.py").write_text("import a_library_of_its_own")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "h5py", raising=False)
    assert frameworks.missing("h5py") is None
    with pytest.raises(InputError, match=r"h5py is installed but does not load \(No module named 'a_lib"):
        frameworks.require("h5py")
