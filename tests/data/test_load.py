"""`load` finds a data set by name, falls back only where "auto" allows it, and says so."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tinynet.commands.building import load_data
from tinynet.data import FallbackWarning, fashion_mnist, garments, load, sources
from tinynet.data.fashion_mnist import cache_folder
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
    with pytest.warns(FallbackWarning, match="TRAINING ON DRAWN GARMENTS, NOT FASHION-MNIST.*unreach"):
        train, test = load("auto", limit=20)
    assert train.name == test.name == "garments (synthetic)"


@pytest.mark.parametrize(("name", "expected"), [("auto", sources.PATIENCE), ("fashion-mnist", 20.0)])
def test_auto_waits_less_long_for_a_mirror(own_folder, monkeypatch, name, expected):
    timeouts = []

    def watched(split, timeout):
        timeouts.append(timeout)
        return fashion_mnist(split, timeout)

    monkeypatch.setattr(sources, "fashion_mnist", watched)
    load(name)
    assert timeouts == [expected, expected] and sources.PATIENCE < 20


def test_a_run_records_that_garments_stand_in(small, mirrors, refused_url, capsys):
    mirrors(refused_url)
    for _ in range(2):  # the second time too
        train, _, _, warning = load_data("auto", seed=0, limit=10, size=28)
        assert train.name == "garments (synthetic)"
        assert warning.startswith("TRAINING ON DRAWN GARMENTS")
        assert f"tinynet: warning: {warning}" in capsys.readouterr().err


@pytest.mark.filterwarnings("default")
def test_a_run_shows_other_warnings_and_does_not_record_them(small, start_mirror, mirrors, capsys):
    mirrors(start_mirror(**small).url)
    fashion_mnist("train")
    (cache_folder() / "fashion-mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"damaged")
    warning = load_data("auto", seed=0, limit=None, size=28).warning
    assert warning is None
    assert "tinynet: warning: " in (shown := capsys.readouterr().err) and "is damaged" in shown


def test_images_are_held_out_of_any_data_set_for_validation():
    train, test, validation, _ = load_data("garments", seed=0, limit=40, size=28, fraction=0.25)
    whole = load_data("garments", seed=0, limit=40, size=28)
    assert whole.validation is None and len(test) == len(whole.test)
    for part, expected in zip((train, validation), whole.train.split(0.25, seed=0), strict=True):
        assert np.array_equal(part.images, expected.images)


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


@pytest.mark.parametrize("name", ["auto", "fashion-mnist", "garments", "."])
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("limit", 0),
        ("limit", -5),
        ("limit", 2.5),
        ("limit", "5"),
        ("size", "64"),
        ("mode", "zzz"),
        ("seed", -1),
        ("seed", "1"),
    ],
)
def test_an_argument_that_cannot_be_is_refused_by_its_name(name, argument, value):
    with pytest.raises(InputError, match=f"^{argument} expects .*, got {value!r}"):
        load(name, **{argument: value})


@pytest.mark.parametrize("name", [None, 3, ["garments"]])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(
        InputError, match="data expects auto, fashion-mnist, garments or a folder of images, got"
    ):
        load(name)


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
