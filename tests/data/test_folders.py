"""A folder of class folders becomes a data set, in a fixed order, or an error that names the culprit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from tinynet.data import image_folder
from tinynet.data.folders import folder_splits
from tinynet.errors import DataError, InputError, MissingDataError


def fill(folder, first: int, count: int, extension="png"):
    """Images named 00, 01 ..., the i-th filled with the grey first + i."""
    folder.mkdir(parents=True)
    for i in range(count):
        Image.new("RGB", (9, 7), (first + i,) * 3).save(folder / f"{i:02}.{extension}")


@pytest.fixture
def animals(tmp_path):
    """Ten cats, greys 0 to 9, and ten dogs, greys 100 to 109."""
    root = tmp_path / "animals"
    fill(root / "dog", 100, 10)
    fill(root / "cat", 0, 10)
    return root


def greys(data) -> list[int]:
    return data.images[:, 0, 0, 0].tolist()


def test_classes_and_images_come_in_sorted_order(animals):
    data = image_folder(animals, 4)
    assert data.class_names == ("cat", "dog")
    assert data.labels.tolist() == [0] * 10 + [1] * 10
    assert greys(data) == [*range(10), *range(100, 110)]
    assert (data.name, data.source) == ("animals", str(animals))


@pytest.mark.parametrize(
    ("size", "mode", "shape"),
    [(4, "rgb", (4, 4, 3)), ((4, 6), "rgb", (4, 6, 3)), (5, "grey", (5, 5, 1))],
)
def test_images_are_uint8_of_the_size_and_mode_asked_for(animals, size, mode, shape):
    data = image_folder(animals, size, mode)
    assert data.image_shape == shape and data.images.dtype == np.uint8


def test_hidden_and_other_files_are_left_out_and_deeper_folders_read(animals):
    (animals / "cat" / "notes.txt").write_text("not an image")
    (animals / "cat" / ".00.png").write_bytes(b"not an image either")
    (animals / ".hidden").mkdir()
    (animals / "cat" / ".thumbnails").mkdir()
    (animals / "cat" / ".thumbnails" / "00.png").write_bytes(b"nor this")
    fill(animals / "cat" / "kittens", 50, 2, "JPG")
    data = image_folder(animals, 4)
    assert np.bincount(data.labels).tolist() == [12, 10]


@pytest.mark.parametrize("extension", ["jpg", "jpeg", "jpe", "jfif", "JFIF", "png"])
def test_jpeg_and_png_have_these_extensions(animals, extension):
    fill(animals / "emu", 50, 2, extension)
    assert np.bincount(image_folder(animals, 4).labels).tolist() == [10, 10, 2]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MissingDataError, match="nowhere does not exist"):
        image_folder(tmp_path / "nowhere", 4)


def test_a_file_is_no_folder(animals):
    with pytest.raises(DataError, match="00.png is a file"):
        image_folder(animals / "cat" / "00.png", 4)


def test_a_folder_without_class_folders_is_refused(animals):
    with pytest.raises(DataError, match="cat holds no sub-folder: it should hold one"):
        image_folder(animals / "cat", 4)


def test_a_single_class_is_refused(tmp_path):
    fill(tmp_path / "cat", 0, 2)
    with pytest.raises(DataError, match="holds only cat/"):
        image_folder(tmp_path, 4)


def test_an_empty_class_folder_is_named(animals):
    (animals / "fish").mkdir()
    with pytest.raises(DataError, match="fish is a class folder without images"):
        image_folder(animals, 4)


def test_an_image_of_another_format_is_named(animals):
    Image.new("RGB", (4, 4)).save(animals / "dog" / "moving.gif")
    with pytest.raises(DataError, match="moving.gif is neither JPEG nor PNG"):
        image_folder(animals, 4)


def test_of_several_damaged_images_the_first_is_named(animals):
    for name in ("03.png", "07.png"):
        (animals / "dog" / name).write_bytes(b"damaged")
    with pytest.raises(DataError, match="03.png is not a JPEG or PNG"):
        image_folder(animals, 4)


@pytest.mark.parametrize("size", [0, -4, 2.5, (4,), (4, 0), "64", True, None])
def test_a_size_that_cannot_be_is_refused(animals, size):
    with pytest.raises(InputError, match="size expects a positive whole number or two of them"):
        image_folder(animals, size)


@pytest.mark.parametrize("mode", ["gray", None, ["rgb"]])
def test_an_unknown_mode_is_refused(animals, mode):
    with pytest.raises(InputError, match=f'"rgb" or "grey", got {re.escape(repr(mode))}'):
        image_folder(animals, 4, mode=mode)


def test_what_is_no_path_is_refused():
    with pytest.raises(InputError, match="path expects a path, got None"):
        image_folder(None)


def test_a_folder_with_parts_is_not_taken_for_classes(tmp_path):
    fill(tmp_path / "train" / "cat", 0, 1)
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="holds train/ with classes inside"):
        image_folder(tmp_path, 4)


def test_train_may_be_the_name_of_a_class(tmp_path):
    fill(tmp_path / "train", 0, 2)
    fill(tmp_path / "tram", 9, 2)
    assert image_folder(tmp_path, 4).class_names == ("train", "tram")


def test_without_parts_a_fifth_of_each_class_is_held_out_by_seed(animals):
    train, test = folder_splits(animals, 4, seed=1)
    assert np.bincount(train.labels).tolist() == [8, 8]
    assert np.bincount(test.labels).tolist() == [2, 2]
    assert sorted(greys(train) + greys(test)) == [*range(10), *range(100, 110)]
    assert greys(folder_splits(animals, 4, seed=1)[1]) == greys(test)
    assert greys(folder_splits(animals, 4, seed=2)[1]) != greys(test)


@pytest.mark.parametrize("held_out", ["test", "validation", "valid", "val"])
def test_parts_that_are_there_are_used(tmp_path, held_out):
    root = tmp_path / "animals"
    for part, first in (("train", 0), (held_out, 50)):
        fill(root / part / "cat", first, 3)
        fill(root / part / "dog", first + 100, 2)
    train, test = folder_splits(root, 4)
    assert greys(train) == [0, 1, 2, 100, 101]
    assert greys(test) == [50, 51, 52, 150, 151]
    assert train.name == test.name == "animals"
    assert test.source == str(root / held_out)


@pytest.mark.parametrize("validation", ["validation", "valid", "val"])
def test_test_goes_before_validation(tmp_path, validation):
    for part, first in (("train", 0), (validation, 50), ("test", 90)):
        fill(tmp_path / part / "cat", first, 1)
        fill(tmp_path / part / "dog", first, 1)
    assert greys(folder_splits(tmp_path, 4)[1]) == [90, 90]


@pytest.mark.parametrize("inside", ["dev/cat", "dev"], ids=["class folders", "images"])
def test_images_beside_train_under_an_unknown_name_are_not_left_out(tmp_path, inside):
    for name in ("train/cat", "train/dog", "test/cat", "test/dog", inside):
        fill(tmp_path / name, 0, 1)
    with pytest.raises(DataError, match="dev holds images beside train/, .*test, validation, valid, val"):
        folder_splits(tmp_path, 4)


def test_a_train_folder_alone_is_split(tmp_path):
    fill(tmp_path / "train" / "cat", 0, 5)
    fill(tmp_path / "train" / "dog", 100, 5)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "origin.txt").write_text("no images")
    fill(tmp_path / ".thumbnails", 0, 1)
    train, test = folder_splits(tmp_path, 4)
    assert (len(train), len(test)) == (8, 2)


def test_parts_with_different_classes_are_refused(tmp_path):
    for part, names in (("train", ("cat", "dog")), ("test", ("cat", "fox"))):
        for name in names:
            fill(tmp_path / part / name, 0, 1)
    with pytest.raises(DataError, match="test has the classes cat, fox, but .*train has cat, dog"):
        folder_splits(tmp_path, 4)


def test_a_limit_keeps_the_classes_in_proportion_and_decodes_no_more(animals):
    train, _ = folder_splits(animals, 4, limit=4)
    assert np.bincount(train.labels).tolist() == [2, 2]
    for path in (animals / "cat").iterdir():
        if int(path.stem) not in greys(train) + greys(folder_splits(animals, 4, limit=4)[1]):
            path.write_bytes(b"damaged, and never read")
    assert greys(folder_splits(animals, 4, limit=4)[0]) == greys(train)


def test_a_limit_leaves_no_class_out(tmp_path):
    fill(tmp_path / "cat", 0, 40)
    for name in "dog", "emu", "fox":
        fill(tmp_path / name, 100, 2)
    train, _ = folder_splits(tmp_path, 4)
    limited, _ = folder_splits(tmp_path, 4, limit=6)
    assert len(limited) == 6 and set(limited.labels) == set(train.labels)


def test_a_limit_below_the_number_of_classes_is_refused(animals):
    with pytest.raises(InputError, match="limit=1 leaves out classes of animals: it has 2"):
        folder_splits(animals, 4, limit=1)


@pytest.mark.parametrize("limit", [0, 2.0, "2", True])
def test_a_limit_that_is_no_count_is_refused(animals, limit):
    with pytest.raises(InputError, match=f"limit expects a positive whole number, got {limit!r}"):
        folder_splits(animals, 4, limit=limit)
