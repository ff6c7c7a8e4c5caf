"""`load` finds a data set by name, falls back only where "auto" allows it, and says so."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tinynet.data import garments, load
from tinynet.errors import DataError, InputError, MissingDataError


@pytest.fixture
def own_folder(small, tmp_path, monkeypatch):
    """The small Fashion-MNIST in $TINYNET_DATA."""
    folder = tmp_path / "own" / "fashion-mnist"
    folder.mkdir(parents=True)
    for name, content in small.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "own"))
    return folder


@pytest.mark.parametrize("name", ["auto", "fashion-mnist"])
def test_fashion_mnist_is_used_where_it_is(own_folder, name):
    train, test = load(name)
    assert train.name == test.name == "fashion-mnist"
    assert (len(train), len(test)) == (6, 4)


def test_auto_downloads_what_is_not_here(small, start_mirror, mirrors):
    mirrors(start_mirror(**small).url)
    assert load("auto").train.name == "fashion-mnist"


def test_auto_without_data_and_network_draws_garments_and_says_so(small, mirrors, refused_url):
    mirrors(refused_url)
    with pytest.warns(UserWarning, match="TRAINING ON DRAWN GARMENTS, NOT FASHION-MNIST.*unreach"):
        train, test = load("auto", limit=20)
    assert train.name == test.name == "garments (synthetic)"


def test_auto_does_not_hide_a_damaged_file(own_folder):
    (own_folder / "train-images-idx3-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(DataError, match="is truncated"):
        load("auto")


def test_fashion_mnist_never_falls_back(small, mirrors, refused_url):
    mirrors(refused_url)
    with pytest.raises(MissingDataError, match="Fashion-MNIST is neither here nor reachable"):
        load("fashion-mnist")


def test_garments_for_testing_are_not_those_for_training(small):
    train, test = load("garments", seed=5, limit=30)
    assert np.array_equal(train.images, garments(30, seed=5).images)
    assert np.array_equal(test.images[:9], garments(9, seed=5, start=12000).images)
    assert len(test) == 2000


def test_limit_takes_the_first_training_images_only(own_folder):
    whole, part = load("fashion-mnist"), load("fashion-mnist", limit=2)
    assert np.array_equal(part.train.images, whole.train.images[:2])
    assert len(part.test) == len(whole.test)


def test_a_limit_beyond_the_data_is_no_limit(own_folder):
    assert len(load("fashion-mnist", limit=1000).train) == 6


@pytest.mark.parametrize("limit", [0, -5])
def test_a_limit_that_leaves_nothing_is_refused(limit):
    with pytest.raises(InputError, match=f"limit expects a positive number.*got {limit}"):
        load("garments", limit=limit)


@pytest.mark.parametrize("as_text", [True, False])
def test_a_folder_is_loaded_by_its_path(tmp_path, as_text):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(5):
            Image.new("RGB", (9, 9)).save(tmp_path / name / f"{i}.png")
    train, test = load(str(tmp_path) if as_text else tmp_path)
    assert (len(train), len(test)) == (8, 2)
    assert train.image_shape == (64, 64, 3)
    assert load(tmp_path, size=8, mode="grey", limit=2).train.images.shape == (2, 8, 8, 1)


def test_an_unknown_name_lists_what_there_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingDataError, match="auto, fashion-mnist, garments or a folder.*'mnist'"):
        load("mnist")


def test_a_size_is_refused_where_the_size_is_given():
    with pytest.raises(InputError, match="size=64 is for folders of images; data='garments' is"):
        load("garments", size=64)
