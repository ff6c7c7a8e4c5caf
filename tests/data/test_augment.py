"""Augmentations change what they should, within 0..1, and only by the generator they are given."""

from __future__ import annotations

import numpy as np
import pytest

from tinynet.data import augment
from tinynet.data.augment import (
    Brightness,
    Compose,
    Contrast,
    Crop,
    Erase,
    Flip,
    Rotate,
    Shear,
    Shift,
    Zoom,
    parse,
)
from tinynet.errors import DTypeError, InputError

ALL = [
    Flip(),
    Crop(2),
    Rotate(30),
    Zoom(0.3),
    Shear(20),
    Shift(0.2),
    Brightness(0.5),
    Contrast(0.5),
    Erase(0.5),
]


def noise(count=50, size=(8, 10), channels=3):
    return np.random.default_rng(1).random((count, *size, channels), np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


class Extreme:
    """A generator whose uniform numbers are all the highest possible."""

    def uniform(self, low, high, size):
        return np.full(size, float(high))


EVERY = pytest.mark.parametrize("one", [*ALL, Compose(ALL)], ids=lambda one: type(one).__name__)


@EVERY
@pytest.mark.parametrize("channels", [1, 3])
def test_a_batch_stays_a_batch(one, channels):
    images = noise(channels=channels)
    result = one(images.copy(), rng())
    assert result.shape == images.shape and result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 1
    assert not np.array_equal(result, images)


@EVERY
def test_one_seed_gives_the_same_and_another_does_not(one):
    first, again, other = (one(noise(), rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@EVERY
def test_the_global_generators_are_left_alone(one):
    before = np.random.get_state()[1].copy()
    one(noise(), rng())
    assert np.array_equal(before, np.random.get_state()[1])


@pytest.mark.parametrize("one", ALL[2:8], ids=lambda one: type(one).__name__)
def test_each_image_draws_for_itself(one):
    images = np.repeat(noise(1), 4, axis=0)
    assert len({image.tobytes() for image in one(images, rng())}) == 4


@EVERY
def test_bytes_are_refused(one):
    with pytest.raises(DTypeError, match="expects float32 in 0..1, as batches are, got uint8"):
        one(np.zeros((2, 8, 8, 1), np.uint8), rng())


@EVERY
def test_a_single_image_is_refused(one):
    with pytest.raises(InputError, match=r"expects a batch \(N, H, W, C\), got shape \(8, 8, 1\)"):
        one(np.zeros((8, 8, 1), np.float32), rng())


# What each of them does


def test_flip_mirrors_that_share_of_the_images():
    images = noise(1000, (2, 3))
    result = Flip(0.3)(images.copy(), rng())
    mirrored = (result == images[:, :, ::-1]).all(axis=(1, 2, 3))
    assert ((result == images).all(axis=(1, 2, 3)) ^ mirrored).all()
    assert 250 < mirrored.sum() < 350


def test_crop_shifts_by_whole_pixels_and_fills_the_rest():
    images = noise(400, (6, 5), 1)
    result = Crop(1, fill=0.5)(images.copy(), rng())
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=0.5)
    seen = np.zeros((3, 3), int)
    for image, source in zip(result, padded, strict=True):
        found = [
            (top, left)
            for top, left in np.ndindex(3, 3)
            if np.array_equal(image, source[top : top + 6, left : left + 5])
        ]
        assert len(found) == 1
        seen[found[0]] += 1
    assert seen.min() > 20  # of 400 / 9


def test_crop_refuses_to_empty_an_image():
    with pytest.raises(InputError, match="padding 6 could empty images of 8x6: choose one below 6"):
        Crop(6)(noise(2, (8, 6)), rng())


def test_rotation_by_a_right_angle_is_a_right_angle():
    images = noise(2, (7, 7))
    assert np.allclose(Rotate(90)(images, Extreme()), np.rot90(images, axes=(1, 2)), atol=1e-6)


def test_a_positive_rotation_turns_as_numpy_does_about_the_middle():
    image = np.zeros((1, 9, 9, 1), np.float32)
    image[0, 4, 8] = image[0, 4, 4] = 1
    turned = Rotate(45)(image, Extreme())[0, :, :, 0]
    assert turned[4, 4] == pytest.approx(1)
    assert np.unravel_index(np.where(np.indices((9, 9))[1] > 5, turned, 0).argmax(), (9, 9)) == (1, 7)


def test_zoom_enlarges_about_the_middle():
    ramp = np.tile(np.linspace(0, 1, 9, dtype=np.float32), (9, 1))[None, :, :, None]
    zoomed = Zoom(0.5)(ramp, Extreme())
    assert np.allclose(zoomed - 0.5, (ramp - 0.5) / 1.5, atol=1e-6)


def test_shear_moves_each_row_by_its_height_times_the_tangent():
    ramp = np.tile(np.linspace(0, 0.8, 9, dtype=np.float32), (9, 1))[None, :, :, None]
    sheared = Shear(45)(ramp, Extreme())[0, :, :, 0]
    for row in (3, 4, 5):
        within = slice(1, 8)
        assert np.allclose(sheared[row, within], ramp[0, row, within, 0] + 0.1 * (row - 4), atol=1e-6)


def test_shift_moves_by_a_share_of_height_and_of_width():
    images = noise(1, (8, 4))
    shifted = Shift(0.25)(images, Extreme())
    assert np.allclose(shifted[:, :6, :3], images[:, 2:, 1:], atol=1e-6)


def test_beyond_the_border_lies_the_mirror_image():
    images = noise(1, (8, 4))
    shifted = Shift(0.25)(images, Extreme())
    assert np.allclose(shifted[:, 6:, :3], images[:, :5:-1, 1:], atol=1e-6)


def test_brightness_multiplies():
    images = noise()
    factors = Brightness(0.5)(images * np.float32(0.6), rng()) / (images * np.float32(0.6))
    assert np.allclose(factors, factors[:, :1, :1, :1], atol=1e-5)
    assert 0.5 <= factors.min() < 0.7 and 1.3 < factors.max() <= 1.5001


def test_contrast_multiplies_the_distance_from_the_mean():
    images = 0.4 + noise() / 10
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    factors = (Contrast(0.5)(images.copy(), rng()) - mean) / (images - mean)
    clear = np.abs(images - mean) > 0.01
    for factor, chosen in zip(factors, clear, strict=True):
        assert np.ptp(factor[chosen]) < 1e-3 and 0.499 < factor[chosen].mean() < 1.501


def test_erase_covers_one_rectangle_of_the_stated_size():
    images = np.full((500, 20, 20, 1), 2, np.float32)  # not a value of the noise
    erased = Erase(1.0, 0.1, 0.3, 0.5)(images, rng())[..., 0] != 2
    for image in erased:
        rows, columns = image.any(axis=1), image.any(axis=0)
        assert np.array_equal(image, np.outer(rows, columns))
        assert (np.diff(np.flatnonzero(rows)) == 1).all() and (np.diff(np.flatnonzero(columns)) == 1).all()
        assert 0.45 < rows.sum() / columns.sum() < 2.3
    share = erased.mean(axis=(1, 2))
    assert share.min() > 0.08 and share.max() < 0.33 and 0.18 < share.mean() < 0.22


def test_erase_takes_its_share_of_images_and_every_corner_of_them():
    images = np.full((2000, 6, 6, 1), 2, np.float32)
    erased = Erase(0.5)(images, rng())[..., 0] != 2
    assert 900 < erased.any(axis=(1, 2)).sum() < 1100
    assert erased.any(axis=0).all()


def test_erase_can_fill_with_one_value():
    erased = Erase(1.0, fill=0.25)(np.ones((5, 8, 8, 3), np.float32), rng())
    assert set(np.unique(erased)) == {0.25, 1.0}


def test_noise_differs_from_number_to_number():
    erased = Erase(1.0, 0.2, 0.4)(np.full((1, 16, 16, 3), 2, np.float32), rng())
    values = erased[erased != 2]
    assert len(values) > 100 and len(set(values)) == len(values)


def test_an_image_in_which_nothing_fits_stays():
    images = noise(3, (1, 1))
    assert np.array_equal(Erase(1.0)(images.copy(), rng()), images)


# Together


def test_neighbouring_geometric_ones_are_interpolated_once():
    """Turned by 30 degrees and back, an image is what it was: twice interpolated, it would be blurred."""

    class Back(Rotate):
        def matrices(self, size, count, rng):
            return np.linalg.inv(super().matrices(size, count, rng))

    images = noise(2, (9, 9))
    assert np.allclose(Compose([Rotate(30), Back(30)])(images, Extreme()), images, atol=1e-6)


def test_geometric_ones_act_in_their_order():
    """First right, then turned: what had moved right moves up."""
    images = np.zeros((1, 9, 9, 1), np.float32)
    images[0, 4, 4] = 1

    class Right(Shift):
        def matrices(self, size, count, rng):
            result = np.eye(3)[None].copy()
            result[:, 1, 2] = -3
            return result

    moved = Compose([Right(0.1), Rotate(90)])(images, Extreme())
    assert moved[0, 1, 4, 0] == pytest.approx(1)


def test_compose_equals_one_after_the_other():
    steps = [Flip(), Crop(1), Brightness(0.2), Erase(0.5)]
    expected, generator = noise(), rng()
    for step in steps:
        expected = step(expected, generator)
    assert np.array_equal(Compose(steps)(noise(), rng()), expected)


def test_compose_takes_any_callable_and_refuses_others():
    assert np.array_equal(Compose([lambda images, rng: images / 2])(noise(), rng()), noise() / 2)
    with pytest.raises(InputError, match="Compose expects callables .* got 'flip'"):
        Compose(["flip"])


# Words


@pytest.mark.parametrize(
    "words",
    [
        "flip",
        "flip,crop:2,erase:0.5",
        "rotate:10,zoom:0.1,shear:5,shift:0.1,brightness:0.2,contrast:0.3",
        "flip:0.25,crop:4:0.5,erase:0.5:0.02:0.2:0.3:0",
    ],
)
def test_words_come_back(words):
    assert str(parse(words)) == words


def test_words_stand_for_their_classes():
    assert parse(" flip, crop:2 ,erase:0.5") == Compose([Flip(), Crop(2), Erase(0.5)])
    assert set(augment.WORDS) == {type(one).__name__.lower() for one in ALL}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "expects words among flip, crop, .* got ''"),
        ("flip,mirror", "expects words among .* got 'mirror'"),
        ("crop", "crop expects crop:padding:fill, of which the first 1 at least, got 'crop'"),
        ("zoom:1:2", "zoom expects zoom:amount, .* got 'zoom:1:2'"),
        ("crop:two", "expects numbers after its words, as in crop:2, got 'two'"),
        ("crop:1.5", "Crop's padding expects a positive whole number, got 1.5"),
        ("flip:2", "Flip's probability expects a finite number above 0 and at most 1, got 2"),
        ("rotate:200", "Rotate's degrees expects a number above 0 and at most 180, got 200"),
        ("shear:90", "Shear's degrees expects a number above 0 and at most 60"),
        ("zoom:1", "Zoom's amount expects a finite number from 0 to below 1"),
        ("zoom:nan", "Zoom's amount expects a finite number"),
        ("shift:0", "Shift's share expects a finite number above 0"),
        ("erase:0.5:0.5:0.2", "Erase's smallest 0.5 exceeds its largest 0.2"),
        ("erase:0.5:0.1:0.2:0.3:7", "Erase's fill expects"),
        ("crop:2:-1", "Crop's fill expects"),
        (None, "expects words such as .* got None"),
    ],
)
def test_words_that_make_no_sense_are_refused(words, sentence):
    with pytest.raises(InputError, match=sentence):
        parse(words)
