"""Batches come in the promised form and in an order that the seed repeats."""

from __future__ import annotations

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import Dataset
from tinynet.errors import InputError
from tinynet.watching import watching


def numbered(count: int, dtype=np.uint8) -> Dataset:
    """Image i is filled with i, and labelled i mod 2."""
    images = np.empty((count, 2, 3, 1), dtype)
    images[:] = np.arange(count).reshape(-1, 1, 1, 1) / (1 if dtype == np.uint8 else count)
    return Dataset(images, np.arange(count) % 2, ["even", "odd"])


def order(batches) -> list[int]:
    return [round(float(image[0, 0, 0]) * 255) for images, _ in batches for image in images]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_are_contiguous_float32_with_int64_labels(dtype, shuffle):
    for images, labels in numbered(10, dtype).batches(4, shuffle):
        assert images.dtype == np.float32 and labels.dtype == np.int64
        assert images.flags.c_contiguous
        assert images.shape[1:] == (2, 3, 1) and len(images) == len(labels)


def test_batches_of_a_transposed_array_are_contiguous():
    planes = np.zeros((6, 3, 4, 4), np.uint8)
    data = Dataset(planes.transpose(0, 2, 3, 1), np.zeros(6, int), ["only"])
    images, _ = next(iter(data.batches(3)))
    assert images.shape == (3, 4, 4, 3) and images.flags.c_contiguous


def test_bytes_are_scaled_so_that_255_is_one():
    images, _ = next(iter(numbered(256).batches(256)))
    assert np.array_equal(images[:, 0, 0, 0], np.arange(256, dtype=np.float32) / np.float32(255))
    assert images.max() == 1.0


def test_floats_come_through_unchanged():
    data = numbered(5, np.float32)
    images, _ = next(iter(data.batches(5)))
    assert np.array_equal(images, data.images)


def test_changing_a_batch_does_not_change_the_data():
    data = numbered(5, np.float32)
    images, labels = next(iter(data.batches(5)))
    images[:], labels[:] = 0.5, 0
    assert data.images[1, 0, 0, 0] == np.float32(0.2) and data.labels[1] == 1


def test_the_last_batch_holds_what_is_left():
    batches = numbered(10).batches(4)
    assert len(batches) == 3
    assert [len(labels) for _, labels in batches] == [4, 4, 2]


def test_a_batch_larger_than_the_data_is_the_data():
    batches = numbered(3).batches(100)
    assert len(batches) == 1
    assert order(batches) == [0, 1, 2]


def test_unshuffled_batches_repeat_the_order_of_the_data():
    batches = numbered(10).batches(3)
    assert order(batches) == order(batches) == list(range(10))


def test_shuffling_gives_every_sample_once_in_a_new_order_each_time():
    batches = numbered(50).batches(8, shuffle=True)
    first, second = order(batches), order(batches)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


def test_samples_are_shuffled_not_batches():
    images, _ = next(iter(numbered(100).batches(10, shuffle=True)))
    chosen = np.sort(np.rint(images[:, 0, 0, 0] * 255))
    assert not np.array_equal(chosen, np.arange(chosen[0], chosen[0] + 10))


def test_labels_stay_with_their_images():
    for images, labels in numbered(50).batches(8, shuffle=True):
        assert np.array_equal(np.rint(images[:, 0, 0, 0] * 255) % 2, labels)


def test_one_seed_repeats_the_whole_sequence():
    data, runs = numbered(30), []
    for _ in range(2):
        tn.seed(7)
        runs.append([order(data.batches(4, shuffle=True)) for _ in range(3)])
    assert runs[0] == runs[1]


def test_a_restored_random_state_continues_the_sequence():
    tn.seed(7)
    batches = numbered(30).batches(4, shuffle=True)
    order(batches)
    saved = tn.random.state()
    expected = order(batches)
    tn.random.restore(saved)
    assert order(batches) == expected


@pytest.mark.parametrize("batch_size", [0, -3, 2.5, "8", True, None])
def test_a_batch_size_that_is_no_positive_whole_number_is_refused(batch_size):
    with pytest.raises(InputError, match="batch_size expects a positive whole number"):
        numbered(4).batches(batch_size)


# Augmented


def tint(images, rng):
    """Adds one random number to each image, in steps that can be told apart."""
    return images / 2 + rng.random((len(images), 1, 1, 1), np.float32) / 4


def contents(batches) -> list[tuple[bytes, bytes]]:
    return [(images.tobytes(), labels.tobytes()) for images, labels in batches]


def test_augmented_batches_keep_form_and_labels():
    for images, labels in numbered(50).batches(8, True, lambda images, rng: images):
        assert images.dtype == np.float32 and images.flags.c_contiguous
        assert np.array_equal(np.rint(images[:, 0, 0, 0] * 255) % 2, labels)


def test_each_epoch_and_each_batch_is_augmented_anew():
    data = Dataset(np.zeros((12, 2, 3, 1), np.float32), np.zeros(12, int), ["only"])
    batches = data.batches(4, augment=tint)
    seen = [images.tobytes() for _ in range(3) for images, _ in batches]
    assert len(set(seen)) == 9


def test_one_seed_repeats_the_augmentation():
    runs = []
    for _ in range(2):
        tn.seed(7)
        batches = numbered(30).batches(4, True, tint)
        runs.append([contents(batches) for _ in range(2)])
    assert runs[0] == runs[1]


def test_augmentation_does_not_change_the_order():
    tn.seed(7)
    plain = [labels.tobytes() for _, labels in numbered(30).batches(4, True)]
    tn.seed(7)
    assert [labels.tobytes() for _, labels in numbered(30).batches(4, True, tint)] == plain


def test_without_augmentation_its_stream_is_not_touched():
    tn.seed(7)
    list(numbered(30).batches(4, True))
    assert "augment" not in tn.random.state()["streams"]


@pytest.mark.parametrize("augment", [None, tint])
def test_an_epoch_begun_in_the_middle_gives_what_would_have_followed(augment):
    batches = numbered(30).batches(4, True, augment)
    tn.seed(7)
    whole = contents(batches)
    after = tn.random.state()
    tn.seed(7)
    assert contents(batches.starting_at(5)) == whole[5:]
    assert tn.random.state() == after


def test_batches_that_are_passed_over_are_not_made():
    made = []

    def count(images, rng):
        made.append(len(images))
        return images

    list(numbered(30).batches(4, augment=count).starting_at(6))
    assert made == [4, 2]


def test_the_images_of_a_data_set_are_not_changed_in_place():
    data = numbered(5, np.float32)
    before = data.images.copy()
    list(data.batches(5, augment=lambda images, rng: np.multiply(images, 0, out=images)))
    assert np.array_equal(data.images, before)


def test_loading_and_augmenting_are_watched():
    seen = []
    with watching(lambda who, what, *rest: seen.append(what)):
        list(numbered(12).batches(4, augment=tint))
    assert seen == ["load"] * 3


def test_an_error_in_an_augmentation_reaches_the_caller():
    def broken(images, rng):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        list(numbered(4).batches(2, augment=broken))


@pytest.mark.parametrize(
    ("augment", "got"),
    [(lambda x, r: x[:, :1], r"float32 of shape \(2, 1, 3, 1\)"), (lambda x, r: x.astype(float), "float64")],
)
def test_an_augmentation_that_returns_no_batch_is_refused(augment, got):
    with pytest.raises(InputError, match=f"augment expects to return float32 images .* got {got}"):
        list(numbered(4).batches(2, augment=augment))


def test_words_are_no_augmentation():
    with pytest.raises(InputError, match="augment expects a callable .* got 'flip': words become one"):
        numbered(4).batches(2, augment="flip")
