"""`tinynet augment` draws a sheet that can be read, the same for the same seed."""

import numpy as np
import pytest
from PIL import Image

from tinynet.data.augment import Brightness, Flip
from tinynet.report.augmentations import DRAWS, augmentations


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_sheet_has_a_row_for_each_augmentation_and_one_for_all(tinynet, photographs, tmp_path):
    out = tmp_path / "sheet.png"
    code, said, error = tinynet("augment", photographs, "--out", out, "--augment", "flip,crop:2")
    assert (code, error) == (0, "") and f"Saved {out}: flip, crop:2, all together" in said
    alone = tmp_path / "alone.png"
    assert tinynet("augment", photographs, "--out", alone, "--augment", "flip")[1] == f"Saved {alone}: flip\n"
    assert pixels(out).shape[0] > 2 * pixels(alone).shape[0] > 200


def test_the_seed_decides_what_is_drawn(tinynet, photographs, tmp_path):
    drawn = []
    for seed in (1, 1, 2):
        out = tmp_path / "sheet.png"
        command = ["augment", photographs, "--out", out, "--augment", "rotate:20", "--seed", seed]
        assert tinynet(*command)[0] == 0
        drawn.append(pixels(out))
    assert np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[0], drawn[2])


def test_only_the_images_that_are_shown_are_read(tinynet, photographs, tmp_path, monkeypatch):
    from tinynet.data import folders

    read = []
    load = folders.load_pixels
    monkeypatch.setattr(folders, "load_pixels", lambda path, *rest: read.append(path) or load(path, *rest))
    assert tinynet("augment", photographs, "--out", tmp_path / "sheet.png", "--augment", "flip")[0] == 0
    assert len(read) == 10
    assert {path.parent for path in read} == set((photographs / "train").iterdir())


@pytest.mark.parametrize("out", ["sheet.jpg", "sheet", "nowhere/sheet.png"])
def test_a_sheet_that_cannot_be_written_is_refused_at_once(tinynet, photographs, tmp_path, out):
    code, _, error = tinynet("augment", photographs, "--out", tmp_path / out)
    assert code == 2 and "--out expects a file in a folder that is there, SOMETHING.png" in error


def test_unknown_words_are_refused(tinynet, photographs, tmp_path):
    code, _, error = tinynet("augment", photographs, "--out", tmp_path / "s.png", "--augment", "mirror")
    assert code == 2 and "expects words among flip, crop" in error and "got 'mirror'" in error


def test_a_resolution_is_refused_where_there_is_one(tinynet, tmp_path):
    code, _, error = tinynet("augment", "garments", "--out", tmp_path / "s.png", "--resolution", "96")
    assert code == 2 and "--resolution is for folders of photographs: leave it out, garments" in error


def test_a_row_holds_the_original_and_draws_of_it():
    images = np.random.default_rng(0).random((2, 4, 4, 1), np.float32)
    figure = augmentations(images, {"flip": Flip(), "brightness": Brightness(0.5)})
    shown = np.stack([axes.images[0].get_array() for axes in figure.axes if axes.images])
    flipped, brightened = np.split(shown, [DRAWS + 1])
    assert len(brightened) == DRAWS + 1
    first, second = images[..., 0]
    assert np.array_equal(flipped[0], first) and np.array_equal(brightened[0], second)
    mirrored = (flipped == first[:, ::-1]).all(axis=(1, 2))
    assert mirrored.any() and (mirrored | (flipped == first).all(axis=(1, 2))).all()
    dark = second < 0.6  # what no factor makes white
    factors = brightened[1:, dark] / second[dark]
    assert np.allclose(factors, factors[:, :1], rtol=1e-4) and len(np.unique(factors[:, 0])) == DRAWS
