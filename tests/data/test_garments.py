"""Drawn garments: the same format, repeatable, and too hard for a linear model."""

from __future__ import annotations

import numpy as np
import pytest

from tinynet.data import garments
from tinynet.data.fashion_mnist import CLASS_NAMES
from tinynet.data.garments import DRAW
from tinynet.errors import InputError


def test_the_format_is_that_of_fashion_mnist():
    data = garments(20)
    assert data.images.dtype == np.float32 and data.image_shape == (28, 28, 1)
    assert data.class_names == CLASS_NAMES
    assert data.labels.tolist() == [*range(10), *range(10)]
    assert "synthetic" in data.name


def test_each_class_is_drawn_by_the_function_of_its_name():
    names = [name.partition("/")[0].lower().translate(str.maketrans("- ", "__")) for name in CLASS_NAMES]
    assert [draw.__name__ for draw in DRAW] == names


def test_one_seed_gives_one_set_of_images():
    assert np.array_equal(garments(30, seed=3).images, garments(30, seed=3).images)
    assert not np.array_equal(garments(30, seed=3).images, garments(30, seed=4).images)


def test_an_image_depends_on_seed_and_index_alone():
    whole = garments(60)
    assert np.array_equal(garments(25).images, whole.images[:25])
    assert np.array_equal(garments(35, start=25).images, whole.images[25:])
    assert np.array_equal(garments(35, start=25).labels, whole.labels[25:])


def test_every_image_is_a_light_shape_on_black():
    images = garments(500).images
    frame = np.concatenate([images[:, 0].ravel(), images[:, :, 0].ravel()])
    lit = (images > 0.2).mean(axis=(1, 2, 3))
    assert np.median(frame) < 0.05
    assert lit.min() > 0.03 and lit.max() < 0.8


def test_no_two_images_are_alike():
    images = garments(1000).images.reshape(1000, -1)
    assert len(np.unique(images, axis=0)) == 1000


def test_a_linear_model_stays_below_90_percent():
    train, test = garments(4000), garments(1000, start=12000)
    train_pixels, test_pixels = (
        np.c_[part.images.reshape(len(part), -1), np.ones(len(part))] for part in (train, test)
    )
    penalty = 100 * np.eye(785)  # ridge regression on one-hot labels, with a column of ones for the bias
    weights = np.linalg.solve(
        train_pixels.T @ train_pixels + penalty, train_pixels.T @ np.eye(10)[train.labels]
    )
    accuracy = ((test_pixels @ weights).argmax(1) == test.labels).mean()
    assert 0.6 < accuracy < 0.9


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"n": 0}, "n"),
        ({"n": 2.5}, "n"),
        ({"n": True}, "n"),
        ({"seed": -1}, "seed"),
        ({"seed": "1"}, "seed"),
        ({"start": -1}, "start"),
    ],
)
def test_a_count_that_cannot_be_is_refused(arguments, name):
    with pytest.raises(InputError, match=f"^{name} expects a (positive )?whole number"):
        garments(**arguments)
