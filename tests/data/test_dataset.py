"""A data set is checked once, and split by seed with the classes in proportion."""

from __future__ import annotations

import numpy as np
import pytest

from tinynet.data import Dataset
from tinynet.data.dataset import stratified_sample
from tinynet.errors import DTypeError, InputError


def make(counts=(5, 5), dtype=np.float32, shape=(4, 4, 1)) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), counts)
    images = np.zeros((len(labels), *shape), dtype)
    names = [f"class {label}" for label in range(len(counts))]
    return Dataset(images, labels, names, name="made up", source="a test")


def test_a_dataset_knows_its_length_and_the_shape_of_an_image():
    data = make((2, 3), shape=(4, 6, 3))
    assert len(data) == 5
    assert data.image_shape == (4, 6, 3)


def test_labels_become_int64():
    data = Dataset(np.zeros((2, 3, 3, 1), np.uint8), np.array([0, 1], np.uint8), ["a", "b"])
    assert data.labels.dtype == np.int64


def test_repr_shows_the_shape_and_not_the_pixels():
    assert repr(make()) == "Dataset(made up: 10 images (4, 4, 1) float32, 2 classes)"


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.zeros((2, 4, 4), np.float32), r"shape \(N, H, W, C\), got \(2, 4, 4\)"),
        (np.zeros((2, 1, 28, 28), np.float32), r"channels last.*\(2, 1, 28, 28\)"),
        (np.zeros((0, 4, 4, 1), np.float32), "images is empty"),
        (np.zeros((2, 0, 4, 1), np.float32), "images is empty"),
        (np.full((2, 4, 4, 1), 255, np.float32), r"in 0..1, got 255..255: divide"),
        (np.full((2, 4, 4, 1), -0.5, np.float32), r"in 0..1, got -0.5..-0.5"),
        (np.full((2, 4, 4, 1), np.nan, np.float32), r"in 0..1, got nan..nan"),
    ],
)
def test_images_of_a_wrong_shape_or_range_are_refused(images, sentence):
    with pytest.raises(InputError, match=sentence):
        Dataset(images, np.zeros(len(images), int), ["only"])


def test_ragged_lists_are_refused():
    square, oblong = np.zeros((4, 4, 1), np.float32), np.zeros((4, 5, 1), np.float32)
    with pytest.raises(InputError, match="images expects one array, got parts of different shapes"):
        Dataset([square, oblong], [0, 0], ["only"])
    with pytest.raises(InputError, match="labels expects one array"):
        Dataset([square, square], [0, [0, 0]], ["only"])


@pytest.mark.parametrize("dtype", [np.int32, bool, np.complex64])
def test_images_of_another_dtype_are_refused(dtype):
    with pytest.raises(DTypeError, match=f"got {np.dtype(dtype)}"):
        make(dtype=dtype)


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0, 1, 1], r"one integer per image, shape \(2,\), got shape \(3,\)"),
        ([[1, 0], [0, 1]], r"got shape \(2, 2\)"),
        ([0.0, 1.0], "labels expects integers, got float64"),
        ([0, 2], r"from 0 to 1, one per class name, got 0..2"),
        ([-1, 1], r"got -1..1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, sentence):
    with pytest.raises(InputError, match=sentence):
        Dataset(np.zeros((2, 4, 4, 1), np.float32), np.array(labels), ["a", "b"])


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "class_names is empty"),
        (["a", "b", "a"], "'a' more than once"),
        ("ab", "the string"),
        (2, "a list of names, got 2"),
        (["a", 2], "names, got 2 among them"),
    ],
)
def test_class_names_that_cannot_be_are_refused(names, sentence):
    with pytest.raises(InputError, match=sentence):
        Dataset(np.zeros((2, 4, 4, 1), np.float32), np.array([0, 0]), names)


def test_subset_keeps_the_order_asked_for():
    images = np.linspace(0, 1, 4, dtype=np.float32).reshape(4, 1, 1, 1)
    data = Dataset(images, np.array([0, 1, 0, 1]), ["a", "b"], "name", "source")
    chosen = data.subset([3, 0])
    assert chosen.images.ravel().tolist() == [1.0, 0.0]
    assert chosen.labels.tolist() == [1, 0]
    assert (chosen.class_names, chosen.name, chosen.source) == (("a", "b"), "name", "source")


def test_take_gives_the_first_images_without_copying():
    data = make()
    assert len(data.take(3)) == 3
    assert np.shares_memory(data.take(3).images, data.images)


def test_take_refuses_more_than_there_is():
    assert len(make().take(10)) == 10
    with pytest.raises(InputError, match="n expects a number from 1 to 10 .*got 11"):
        make().take(11)


@pytest.mark.parametrize("n", [0, -1, 2.0, "2", True, None])
def test_take_refuses_what_is_no_count(n):
    with pytest.raises(InputError, match=f"n expects a positive whole number, got {n!r}"):
        make().take(n)


def test_split_takes_the_same_share_of_each_class():
    train, validation = make((100, 50, 10)).split(0.2)
    assert np.bincount(train.labels).tolist() == [80, 40, 8]
    assert np.bincount(validation.labels).tolist() == [20, 10, 2]


def test_split_sizes_are_exact_where_class_sizes_do_not_divide():
    train, validation = make((7, 7, 7)).split(1 / 3)
    assert (len(train), len(validation)) == (14, 7)
    assert set(np.bincount(validation.labels)) <= {2, 3}


def test_split_parts_are_disjoint_and_complete_and_keep_the_order():
    images = np.linspace(0, 1, 20, dtype=np.float32).reshape(20, 1, 1, 1)
    data = Dataset(images, np.arange(20) % 2, ["a", "b"])
    train, validation = (part.images.ravel().tolist() for part in data.split(0.3))
    assert sorted(train + validation) == images.ravel().tolist()
    assert train == sorted(train) and validation == sorted(validation)


def test_split_depends_on_its_seed_alone():
    images = np.linspace(0, 1, 50, dtype=np.float32).reshape(50, 1, 1, 1)
    data = Dataset(images, np.arange(50) % 5, list("abcde"))
    held_out = [data.split(0.2, seed)[1].images.ravel().tolist() for seed in (1, 1, 2)]
    assert held_out[0] == held_out[1] != held_out[2]


@pytest.mark.parametrize("fraction", [0, -0.1, 1.5, "0.5", None, True, float("nan")])
def test_split_refuses_a_fraction_that_is_none(fraction):
    with pytest.raises(InputError, match=f"fraction expects a finite number above 0.*got {fraction!r}"):
        make().split(fraction)


@pytest.mark.parametrize("fraction", [0.01, 0.99, 1])
def test_split_refuses_to_leave_a_part_empty(fraction):
    with pytest.raises(InputError, match="leaves one part of the split empty"):
        make((2, 2)).split(fraction)


@pytest.mark.parametrize("seed", [-1, 0.5, "1", None])
def test_split_refuses_a_seed_that_is_none(seed):
    with pytest.raises(InputError, match=f"seed expects a whole number of 0 or more, got {seed!r}"):
        make().split(0.5, seed)


def test_split_gives_many_small_classes_their_share():
    train, validation = make((900, *[2] * 50), dtype=np.uint8, shape=(1, 1, 1)).split(0.2)
    counts = np.bincount(validation.labels, minlength=51)
    assert counts[0] == 180 and counts[1:].sum() == 20 and counts[1:].max() == 1
    assert np.bincount(train.labels).min() == 1


@pytest.mark.parametrize("sizes", [(600, 300, 100), (7, 1, 1, 50, 3), (900, *[2] * 50), (1,) * 40])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.77, 1.0])
def test_a_sample_holds_the_classes_in_proportion_to_within_one(sizes, share):
    sizes = np.array(sizes)
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    count = max(1, round(share * len(labels)))
    for seed in range(20):
        chosen = stratified_sample(labels, count, seed)
        assert len(chosen) == count and (np.diff(chosen) > 0).all()
        per_class = np.bincount(labels[chosen], minlength=len(sizes))
        assert np.abs(per_class - sizes * count / len(labels)).max() < 1


def test_every_image_has_the_same_chance_of_being_sampled():
    labels = np.repeat([0, 1, 2, 3], [13, 4, 2, 1])
    times = sum(np.bincount(stratified_sample(labels, 5, seed), minlength=20) for seed in range(2000))
    assert np.abs(times / 2000 - 5 / 20).max() < 0.05  # five standard deviations


def test_fractions_of_another_precision_are_kept_as_float32():
    images = np.linspace(0, 1, 8).reshape(2, 2, 2, 1)
    dataset = Dataset(images.tolist(), [0, 1], ["a", "b"])
    assert dataset.images.dtype == np.float32
    np.testing.assert_array_equal(dataset.images, images.astype(np.float32))
