"""Fashion-MNIST is looked for in three places, in order, and nothing but the published files passes."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest

from tinynet.data import fashion_mnist
from tinynet.data.fashion_mnist import CLASS_NAMES, cache_folder
from tinynet.errors import DataError, InputError, MissingDataError

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"


def put(folder: Path, contents: dict[str, bytes], suffix: str = ".gz") -> Path:
    """Write the published files of one kind, packed or not, into folder/fashion-mnist."""
    target = folder / "fashion-mnist"
    target.mkdir(parents=True)
    for name, content in contents.items():
        if name.endswith(".gz") == (suffix == ".gz"):
            (target / name).write_bytes(content)
    return target


@pytest.mark.parametrize("suffix", [".gz", ""])
def test_the_users_own_folder_is_used_first(small, tmp_path, monkeypatch, suffix):
    folder = put(tmp_path / "own", small, suffix)
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "own"))
    train, test = fashion_mnist("train"), fashion_mnist("test")
    assert (len(train), len(test)) == (6, 4)
    assert train.source == str(folder)


def test_images_are_float32_in_0_to_1_with_ten_named_classes(small, tmp_path, monkeypatch):
    put(tmp_path / "own", small)
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "own"))
    data = fashion_mnist()
    pixels = np.frombuffer(small["train-images-idx3-ubyte"], np.uint8, offset=16)
    assert data.images.dtype == np.float32 and data.image_shape == (28, 28, 1)
    assert np.array_equal(data.images.ravel(), pixels / np.float32(255))
    assert data.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert data.class_names == CLASS_NAMES and len(CLASS_NAMES) == 10


def test_the_cache_is_used_next(small, tmp_path, monkeypatch):
    folder = put(cache_folder(), small)
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "empty"))
    assert fashion_mnist().source == str(folder)


def test_a_download_comes_last_and_is_kept(small, start_mirror, mirrors):
    mirror = start_mirror(**small)
    mirrors(mirror.url)
    assert len(fashion_mnist()) == 6
    asked = len(mirror.requests)
    assert len(fashion_mnist()) == 6
    assert len(mirror.requests) == asked
    assert sorted(os.listdir(cache_folder() / "fashion-mnist")) == [
        TRAIN_IMAGES,
        f"{TRAIN_IMAGES}.lock",
        "train-labels-idx1-ubyte.gz",
        "train-labels-idx1-ubyte.gz.lock",
    ]


def test_a_mirror_that_does_not_answer_is_not_asked_for_the_files(small, start_mirror, mirrors):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirrors(f"http://127.0.0.1:{silent.getsockname()[1]}", start_mirror(**small).url)
        assert len(fashion_mnist(timeout=0.3)) == 6
        silent.settimeout(0)
        connections = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                connections += 1
    assert connections <= 2  # for each file the question whether anybody is there


def test_a_damaged_file_in_the_cache_is_fetched_again(small, start_mirror, mirrors):
    path = put(cache_folder(), small) / TRAIN_IMAGES
    path.write_bytes(b"damaged")
    mirrors(start_mirror(**small).url)
    with pytest.warns(UserWarning, match=f"{TRAIN_IMAGES} is damaged and is downloaded again"):
        assert len(fashion_mnist()) == 6
    assert path.read_bytes() == small[TRAIN_IMAGES]


def test_a_wrong_checksum_in_the_users_folder_is_an_error(small, tmp_path, monkeypatch):
    path = put(tmp_path / "own", small) / TRAIN_IMAGES
    path.write_bytes(b"x" * len(small[TRAIN_IMAGES]))
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "own"))
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES} is not the published file: its MD5 sum"):
        fashion_mnist()
    assert path.exists()


def test_a_truncated_file_in_the_users_folder_is_called_so(small, tmp_path, monkeypatch):
    path = put(tmp_path / "own", small) / TRAIN_IMAGES
    path.write_bytes(small[TRAIN_IMAGES][:-10])
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "own"))
    with pytest.raises(DataError, match=f"{TRAIN_IMAGES} is truncated: .* expected "):
        fashion_mnist()


def test_without_data_and_network_the_error_says_what_to_do(small, mirrors, refused_url):
    mirrors(refused_url)
    with pytest.raises(MissingDataError) as caught:
        fashion_mnist()
    message = str(caught.value)
    assert f"{refused_url}/{TRAIN_IMAGES}: unreachable" in message
    assert "Put the four .gz files from https://github.com/zalandoresearch" in message
    assert str(cache_folder() / "fashion-mnist") in message
    assert "--data garments" in message


@pytest.mark.parametrize("split", ["validation", None, ["train"]])
def test_an_unknown_split_is_refused(small, split):
    with pytest.raises(InputError, match=f'"train" or "test", got {re.escape(repr(split))}'):
        fashion_mnist(split)


def test_the_cache_follows_the_xdg_convention(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tinynet"


@pytest.mark.parametrize(
    ("platform", "expected"),
    [("linux", ".cache/tinynet"), ("darwin", "Library/Caches/tinynet")],
)
def test_the_cache_has_the_place_of_the_platform(monkeypatch, platform, expected):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder() == Path.home() / expected


@pytest.mark.skipif(
    not Path(os.environ.get("TINYNET_DATA", ""), "fashion-mnist").is_dir(),
    reason="the real Fashion-MNIST is not here: TINYNET_DATA is not set to a folder that has it",
)
def test_the_real_files_hold_what_is_published():
    train, test = fashion_mnist("train"), fashion_mnist("test")
    assert (len(train), len(test)) == (60000, 10000)
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert float(train.images.mean(dtype=np.float64)) == pytest.approx(0.2860, abs=1e-4)
