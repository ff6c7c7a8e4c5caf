"""The map of the source: every file is on it, and the reading order names files that exist."""

from __future__ import annotations

from lessons import source_map

PACKAGE = source_map.ROOT / "tinynet"


def test_every_file_of_the_package_is_in_one_room():
    mapped = [path for room, _ in source_map.ROOMS for path in source_map.files(room)]
    assert sorted(mapped) == sorted(PACKAGE.rglob("*.py"))


def test_the_reading_order_names_files_each_once():
    assert all((PACKAGE / name).is_file() for name in source_map.READING)
    assert len(set(source_map.READING)) == len(source_map.READING)


def test_every_file_begins_with_a_sentence():
    silent = [path for path in PACKAGE.rglob("*.py") if not source_map.sentence(path)]
    assert silent == []


def test_lines_are_counted_and_files_linked():
    page = source_map.markdown()
    count = len((PACKAGE / "tensor.py").read_text(encoding="utf-8").splitlines())
    assert f"1. [`tensor.py`](tinynet/tensor.py) ({count:,}): " in page
