"""Large folders: skipped files, the cache of decoded images, images that stay in their files."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from tinynet.data import Dataset, folders, image_folder, memory
from tinynet.data.augment import Flip
from tinynet.data.folders import SkippedFilesWarning, folder_parts, folder_splits, folder_test
from tinynet.errors import DataError
from tinynet.train import predict_logits
from tinynet.train.predictions import BATCH

from ..train.problem import make_trainer
from .test_folders import fill, greys


@pytest.fixture
def animals(tmp_path):
    """Ten cats, greys 0 to 9, and ten dogs, greys 100 to 109."""
    root = tmp_path / "animals"
    fill(root / "cat", 0, 10)
    fill(root / "dog", 100, 10)
    return root


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that are decoded from now on."""
    names = []
    load = folders.load_pixels

    def counting(path, *rest):
        names.append(f"{path.parent.name}/{path.name}")
        return load(path, *rest)

    monkeypatch.setattr(folders, "load_pixels", counting)
    return names


@pytest.fixture
def no_room(monkeypatch):
    monkeypatch.setattr(folders, "room_for_images", lambda: 0)


ANY_WAY = pytest.mark.parametrize("way", ["memory", "cache", "files", "mapped"])


@pytest.fixture
def read(request, monkeypatch, tmp_path):
    """`image_folder` in one of the ways in which images can be held."""
    way = request.node.callspec.params["way"]
    if way in ("files", "mapped"):
        monkeypatch.setattr(folders, "room_for_images", lambda: 0)
    options = {"cache": tmp_path / "cache"} if way in ("cache", "mapped") else {}
    return lambda *arguments, **more: image_folder(*arguments, **options, **more)


# The same, however images are held


@ANY_WAY
def test_images_labels_and_names_are_the_same(animals, read, way):
    data = read(animals, 4)
    assert data.image_shape == (4, 4, 3) and data.images.dtype == np.uint8 and data.images.ndim == 4
    assert greys_of(data) == [*range(10), *range(100, 110)]
    assert data.labels.tolist() == [0] * 10 + [1] * 10
    assert isinstance(data.images, np.ndarray) == (way in ("memory", "cache"))


@ANY_WAY
def test_parts_of_it_too(animals, read, way):
    data = read(animals, 4)
    assert greys_of(data.subset([12, 3])) == [102, 3]
    assert greys_of(data.take(3)) == [0, 1, 2]
    assert greys_of(data.subset(slice(8, 12)).subset([3, 0])) == [101, 8]
    train, validation = data.split(0.2)
    assert sorted(greys_of(train) + greys_of(validation)) == greys_of(data)
    assert int(data.images[11][0, 0, 0]) == 101


@ANY_WAY
def test_batches_too(animals, read, way):
    for augment in (None, Flip(1.0)):
        batches = list(read(animals, 4).batches(8, augment=augment))
        assert [len(labels) for _, labels in batches] == [8, 8, 4]
        found = np.concatenate([images[:, 0, 0, 0] for images, _ in batches])
        assert np.allclose(255 * found, [*range(10), *range(100, 110)])
        assert all(images.dtype == np.float32 and images.flags.c_contiguous for images, _ in batches)


def greys_of(data) -> list[int]:
    return data.images[:][:, 0, 0, 0].tolist()


def test_a_network_learns_the_same_bits_from_files(animals, monkeypatch):
    results = []
    for room in (1 << 30, 0):
        monkeypatch.setattr(folders, "room_for_images", lambda room=room: room)
        data = image_folder(animals, 6, "grey")
        assert isinstance(data.images, np.ndarray) == bool(room)
        trainer = make_trainer(seed=3)
        trainer.fit(data, data, epochs=2, batch_size=8, augment=Flip())
        results.append((trainer.model.state_dict(), predict_logits(trainer.model, data, BATCH)))
    (first, logits), (second, others) = results
    assert np.array_equal(logits, others)
    assert all(np.array_equal(first[name], second[name]) for name in first)


# From files


def test_batches_from_files_are_decoded_ahead(animals, no_room, decoded):
    data = image_folder(animals, 4)
    decoded.clear()
    batches = iter(data.batches(5))
    next(batches)
    batches.close()
    assert decoded[:5] == [f"cat/0{n}.png" for n in range(5)]
    assert len(decoded) in (10, 15)  # the two that follow were asked for, the last may not have begun


def test_a_file_that_goes_while_training_is_named_in_the_callers_thread(animals, no_room):
    data = image_folder(animals, 4)
    (animals / "cat" / "07.png").unlink()
    with pytest.raises(DataError, match="07.png is not there"):
        list(data.batches(5))


@pytest.mark.parametrize("way", ["memory", "files"])
def test_damaged_files_are_found_before_the_training(animals, read, way):
    (animals / "dog" / "03.png").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"03.png is not a JPEG or PNG.* --skip-bad, leaves such files out"):
        read(animals, 4)


def test_both_parts_together_have_to_fit(animals, monkeypatch):
    size = 4 * 4 * 3
    for room, array in ((20 * size, True), (20 * size - 1, False)):
        monkeypatch.setattr(folders, "room_for_images", lambda room=room: room)
        for part in folder_splits(animals, 4):
            assert isinstance(part.images, np.ndarray) == array


# Skipped files


@ANY_WAY
def test_bad_files_are_skipped_named_and_counted(animals, read, way):
    (animals / "dog" / "03.png").write_bytes(b"damaged")
    (animals / "cat" / "00.jpg").write_bytes((animals / "cat" / "00.png").read_bytes())
    (animals / "cat" / "moving.gif").write_bytes(b"GIF89a")
    with pytest.warns(SkippedFilesWarning) as caught:
        data = read(animals, 4, skip_bad=True)
    (message,) = (str(each.message) for each in caught)
    assert message.startswith("Skipped 3 of 22 files in ")
    assert all(name in message for name in ("03.png is not a JPEG", "00.png has the name", "moving.gif is"))
    assert greys_of(data) == [*range(10), *[100 + n for n in range(10) if n != 3]]
    assert np.bincount(data.labels).tolist() == [10, 9]


def test_of_many_skipped_files_ten_are_named(animals):
    for path in (animals / "dog").iterdir():
        path.write_bytes(b"damaged")
    fill(animals / "dog" / "more", 100, 3)
    (animals / "cat" / "00.png").write_bytes(b"damaged")
    with pytest.warns(SkippedFilesWarning, match="Skipped 11 of 23 files") as caught:
        image_folder(animals, 4, skip_bad=True)
    assert str(caught[0].message).count("is not a JPEG") == 10


def test_a_class_of_which_nothing_is_left_is_named(animals):
    for path in (animals / "dog").iterdir():
        path.write_bytes(b"damaged")
    with pytest.raises(DataError, match="dog holds no image that can be read"):
        image_folder(animals, 4, skip_bad=True)


@pytest.mark.parametrize("second", ["00.jpg", "00.PNG"])
def test_two_extensions_of_one_name_are_refused(animals, second):
    (animals / "cat" / second).write_bytes((animals / "cat" / "00.png").read_bytes())
    with pytest.raises(DataError, match="has the name of .* beside it.*remove one, or rename it"):
        image_folder(animals, 4)


def test_of_a_part_it_is_said_that_it_is_one(animals):
    for number in range(10):
        (animals / "dog" / f"{number:02}.png").write_bytes(b"damaged")
    fill(animals / "dog" / "more", 100, 10)
    with pytest.warns(SkippedFilesWarning) as caught:
        train, test = folder_splits(animals, 4, skip_bad=True)
    for part, total in ((train, 24), (test, 6)):
        skipped = total - len(part)
        assert any(
            f"Skipped {skipped} of the {total} files chosen from {animals}: " in str(each.message)
            for each in caught
        )
    with pytest.raises(DataError, match="dog holds no image that can be read among those chosen from it"):
        folder_splits(animals, 4, limit=2, skip_bad=True)


@ANY_WAY
def test_a_link_that_leads_nowhere_is_no_image(animals, read, way):
    (animals / "cat" / "10.png").symlink_to(animals / "gone.png")
    with pytest.raises(DataError, match="10.png is not there, or is not a file.*--skip-bad"):
        read(animals, 4)
    with pytest.warns(SkippedFilesWarning, match="Skipped 1 of 21 files in .*10.png is not there"):
        assert len(read(animals, 4, skip_bad=True)) == 20


def test_one_name_in_two_folders_is_fine(animals):
    fill(animals / "cat" / "kittens", 50, 2)
    assert len(image_folder(animals, 4)) == 22


# The cache


def test_a_second_time_nothing_is_decoded(animals, tmp_path, decoded):
    first = image_folder(animals, 4, cache=tmp_path / "cache")
    assert len(decoded) == 20
    second = image_folder(animals, 4, cache=tmp_path / "cache")
    assert len(decoded) == 20
    assert np.array_equal(first.images, second.images)


@pytest.mark.parametrize("size, mode", [(5, "rgb"), (4, "grey")])
def test_another_size_or_mode_is_kept_beside_it(animals, tmp_path, decoded, size, mode):
    for _ in range(2):
        image_folder(animals, 4, cache=tmp_path / "cache")
        image_folder(animals, size, mode, cache=tmp_path / "cache")
    assert len(decoded) == 40


def change(path):
    fill(path.parent / "new", 60, 1)
    (path.parent / "new" / "00.png").replace(path)


def add(path):
    change(path.with_name("10.png"))


def touch(path):
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1000))


@pytest.mark.parametrize("happens", [change, add, touch, os.remove])
def test_a_changed_folder_is_decoded_anew(animals, tmp_path, decoded, happens):
    image_folder(animals, 4, cache=tmp_path / "cache")
    decoded.clear()
    happens(animals / "cat" / "09.png")
    assert greys(image_folder(animals, 4, cache=tmp_path / "cache")) == greys(image_folder(animals, 4))
    assert len(decoded) == 2 * len(image_folder(animals, 4))
    assert len(list((tmp_path / "cache").glob("*.images"))) == 1


@pytest.mark.parametrize("keep", [0, 5, 100, 960, -1])
def test_a_damaged_cache_is_written_again(animals, tmp_path, keep):
    image_folder(animals, 4, cache=tmp_path / "cache")
    (path,) = (tmp_path / "cache").glob("*.images")
    path.write_bytes(path.read_bytes()[:keep])
    assert greys(image_folder(animals, 4, cache=tmp_path / "cache")) == [*range(10), *range(100, 110)]


def test_parts_limits_and_seeds_share_one_cache(animals, tmp_path, decoded):
    for seed, limit in ((0, None), (1, None), (0, 5)):
        cached = folder_splits(animals, 4, seed=seed, limit=limit, cache=tmp_path / "cache")
        count = len(decoded)
        for part, plain in zip(cached, folder_splits(animals, 4, seed=seed, limit=limit), strict=True):
            assert np.array_equal(part.images, plain.images) and np.array_equal(part.labels, plain.labels)
        del decoded[count:]
    assert len(decoded) == 20


def test_skipped_files_are_remembered_and_refused_without_skipping(animals, tmp_path, decoded):
    (animals / "dog" / "03.png").write_bytes(b"damaged")
    for _ in range(2):
        with pytest.warns(SkippedFilesWarning, match="Skipped 1 of 20 files .*03.png is not a JPEG"):
            assert len(image_folder(animals, 4, cache=tmp_path / "cache", skip_bad=True)) == 19
    assert len(decoded) == 20
    with pytest.raises(DataError, match="03.png is not a JPEG"):
        image_folder(animals, 4, cache=tmp_path / "cache")


def test_an_unfinished_cache_leaves_nothing_behind(animals, tmp_path):
    (animals / "dog" / "03.png").write_bytes(b"damaged")
    with pytest.raises(DataError, match="03.png"):
        image_folder(animals, 4, cache=tmp_path / "cache")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_what_a_killed_process_left_unfinished_does_not_stay(animals, tmp_path, monkeypatch):
    with monkeypatch.context() as killed:
        killed.setattr("tinynet.data.cache.os.getpid", lambda: -1)
        killed.setattr("tinynet.data.cache.os.replace", lambda *_: None)
        killed.setattr("pathlib.Path.unlink", lambda *_, **__: None)
        with pytest.raises(DataError, match="written to .*, but cannot be read from there"):
            image_folder(animals, 4, cache=tmp_path / "cache")
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".lock", ".part"]
    image_folder(animals, 4, cache=tmp_path / "cache")
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".images", ".lock"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_whose_name_is_no_text_has_a_cache_too(animals, tmp_path):
    strange = animals.rename(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    assert len(image_folder(strange, 4, cache=tmp_path / "cache")) == 20


def test_a_cache_that_cannot_be_written_is_named(animals, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match="Cannot keep decoded images in .*cache"):
        image_folder(animals, 4, cache=tmp_path / "cache")


# Memory


def test_images_may_take_a_quarter_of_the_memory():
    usable = memory.usable_memory(memory._GROUPS, memory._MEMBERSHIP)
    assert memory.room_for_images() == usable // 4 > 2**24


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("memory.max", "0::/"),
        ("box/memory.max", "0::/box/inner"),
        ("memory/memory.limit_in_bytes", "4:memory:/"),
        ("memory/box/memory.limit_in_bytes", "3:cpu:/other\n4:memory:/box"),
    ],
)
def test_the_limit_of_a_container_counts(tmp_path, file, line):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text("1000\n")
    (tmp_path / "membership").write_text(f"{line}\n")
    assert memory.usable_memory(tmp_path, tmp_path / "membership") == 1000


def test_no_limit_is_the_machines_memory(tmp_path):
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.usable_memory(tmp_path, tmp_path / "nothing") > 2**26


# Three parts


@pytest.mark.parametrize("name", ["validation", "valid", "val"])
def test_validation_images_beside_test_images_are_a_part_of_their_own(tmp_path, name):
    for part, first in (("train", 0), (name, 50), ("test", 90)):
        fill(tmp_path / part / "cat", first, 2)
        fill(tmp_path / part / "dog", first, 1)
    train, test, validation = folder_parts(tmp_path, 4)
    assert (greys(train), greys(test), greys(validation)) == ([0, 1, 0], [90, 91, 90], [50, 51, 50])


def test_the_test_images_are_read_alone(animals, decoded):
    test = folder_test(animals, 4, seed=3)
    assert len(decoded) == len(test) == 4
    assert greys(test) == greys(folder_splits(animals, 4, seed=3)[1])


def test_images_held_out_for_validation_are_those_of_a_split_and_nothing_is_copied(animals, monkeypatch):
    expected = folder_splits(animals, 4, seed=3)[0].split(0.25, seed=3)

    def copying(*_):
        raise AssertionError("images were copied")

    monkeypatch.setattr(Dataset, "subset", copying)
    train, test, validation = folder_parts(animals, 4, seed=3, fraction=0.25)
    assert [greys(train), greys(validation)] == [greys(each) for each in expected]
    assert (len(train), len(validation), len(test)) == (12, 4, 4)


@pytest.mark.parametrize("held_out", ["test", "val", None])
def test_one_held_out_part_is_the_test_set(tmp_path, held_out):
    for part in ("train", held_out) if held_out else ("train",):
        fill(tmp_path / part / "cat", 0, 5)
        fill(tmp_path / part / "dog", 0, 5)
    _, test, validation = folder_parts(tmp_path, 4)
    assert len(test) == (10 if held_out else 2) and validation is None
