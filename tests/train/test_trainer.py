"""The training loop: what it measures, what it refuses, and the state it leaves things in."""

import functools

import numpy as np
import pytest

import tinynet as tn
from tinynet import losses, nn, optim
from tinynet.errors import InputError
from tinynet.train import Trainer, predict_logits, predict_probabilities, progress
from tinynet.train.predictions import probabilities

from .problem import make_trainer, network, stripes


def test_training_learns_and_reports_every_epoch(train, test):
    history = make_trainer().fit(train, test, epochs=8, batch_size=10)
    assert history.column("epoch") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert history[-1]["loss"] < history[0]["loss"] and history[-1]["val_accuracy"] > 0.9
    assert list(history[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]


def test_without_validation_its_columns_are_none(train):
    record = make_trainer().fit(train, epochs=1)[0]
    assert record["val_loss"] is None and record["val_accuracy"] is None


def test_training_loss_and_accuracy_are_means_over_images_not_batches():
    """The two images of the last batch must not weigh as much as the ten of the first."""
    data = stripes(12, seed=5)
    seen = []

    def loss(logits, labels):
        value = losses.cross_entropy(logits, labels)
        right = (logits._array.argmax(axis=1) == labels).sum()
        seen.append((len(labels), value.item(), right))
        return value

    record = make_trainer(loss=loss).fit(data, epochs=1, batch_size=10)[0]
    assert [count for count, _, _ in seen] == [10, 2]
    assert record["loss"] == pytest.approx(sum(n * value for n, value, _ in seen) / 12)
    assert record["accuracy"] == pytest.approx(sum(right for _, _, right in seen) / 12)


def test_validation_is_measured_in_evaluation_mode(train, test):
    trainer = make_trainer()
    record = trainer.fit(train, test, epochs=1)[0]
    measured = trainer.evaluate(test)
    assert record["val_loss"] == measured["loss"]
    assert record["val_accuracy"] == measured["accuracy"]


def test_measuring_changes_neither_weights_nor_statistics_nor_modes(test):
    trainer = make_trainer()
    trainer.model.train()
    trainer.model[4].eval()  # somebody's choice, to be respected
    before = trainer.model.state_dict()
    trainer.evaluate(test, batch_size=7)
    assert all(np.array_equal(before[name], v) for name, v in trainer.model.state_dict().items())
    assert trainer.model.training and not trainer.model[4].training


def test_modes_are_restored_after_an_error():
    model = network().train()
    with pytest.raises(InputError):
        predict_logits(model, np.zeros((2, 5, 5, 1), np.float32))
    assert model.training and tn.is_grad_enabled()


def test_one_seed_gives_one_result(train, test):
    first = make_trainer(seed=7).fit(train, test, epochs=2)
    again = make_trainer(seed=7).fit(train, test, epochs=2)
    other = make_trainer(seed=8).fit(train, test, epochs=2)
    assert first.column("val_loss") == again.column("val_loss") != other.column("val_loss")


def test_a_second_fit_goes_on_as_if_it_were_one(train, test):
    at_once = make_trainer()
    at_once.fit(train, test, epochs=3)
    in_parts = make_trainer()
    in_parts.fit(train, test, epochs=1)
    history = in_parts.fit(train, test, epochs=2)
    assert history.column("epoch") == [1, 2, 3]
    assert history.column("val_loss") == at_once.history.column("val_loss")


def test_training_ends_early_where_it_is_asked_to_and_can_go_on(train, test):
    at_once = make_trainer()
    at_once.fit(train, test, epochs=3)
    early = make_trainer()
    seen = []
    early.fit(train, test, epochs=3, until=lambda history: seen.append(len(history)) or len(history) == 2)
    assert seen == [1, 2] and not early.interrupted
    early.fit(train, test, epochs=1)
    assert early.history.column("val_loss") == at_once.history.column("val_loss")


def test_the_schedule_sets_the_rate_of_every_step(train):
    rates = []

    def schedule(step):
        rates.append(step)
        return 0.001 * (step + 1)

    trainer = make_trainer(schedule=schedule)
    trainer.fit(train, epochs=2, batch_size=25)
    assert rates == list(range(8)) and trainer.optimizer.lr == pytest.approx(0.008)


def test_labels_are_smoothed_in_training_and_never_in_measuring(train, test):
    seen = []

    def loss(logits, labels, label_smoothing=0.0):
        seen.append((tn.is_grad_enabled(), label_smoothing))
        return losses.cross_entropy(logits, labels, label_smoothing)

    trainer = make_trainer(loss=loss, label_smoothing=0.25)
    measured = trainer.fit(train, test, epochs=1)[0]["val_loss"]
    assert set(seen) == {(True, 0.25), (False, 0.0)}
    assert measured == losses.cross_entropy(predict_logits(trainer.model, test), test.labels).item()


def test_without_smoothing_a_loss_need_not_know_of_it(train):
    plain = make_trainer(loss=lambda logits, labels: losses.cross_entropy(logits, labels))
    assert len(plain.fit(train, epochs=1)) == 1
    with pytest.raises(InputError, match="label_smoothing expects a finite number from 0 to below 1, got 1"):
        make_trainer(label_smoothing=1)


def test_flips_give_the_mean_of_an_image_and_its_mirror_image(test):
    model = network().eval()
    mirrored = test.images[:, :, ::-1]
    apart = (predict_logits(model, test.images) + predict_logits(model, mirrored)) / 2
    np.testing.assert_array_equal(predict_logits(model, test, batch_size=7, flips=True), apart)
    np.testing.assert_array_equal(predict_logits(model, mirrored.copy(), flips=True), apart)
    assert not np.allclose(apart, predict_logits(model, test))


def test_a_network_with_one_logit_learns_two_classes():
    train = stripes(100, seed=1, classes=2)
    tn.seed(0)
    model = network(outputs=1)
    trainer = Trainer(
        model, optim.Adam(model.parameters(), lr=0.01), losses.binary_cross_entropy, progress=False
    )
    history = trainer.fit(train, train, epochs=8, batch_size=10)
    assert history[-1]["val_accuracy"] > 0.9
    chances = predict_probabilities(model, train)
    assert chances.shape == (100, 2)
    assert np.mean(chances.argmax(axis=1) == train.labels) == history[-1]["val_accuracy"]


def test_bytes_and_floats_are_the_same_images():
    model = network()
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 6, 1), dtype=np.uint8)
    floats = images.astype(np.float32) / 255
    np.testing.assert_array_equal(predict_logits(model, images), predict_logits(model, floats))


def test_a_float64_model_is_trained_in_float64(train):
    tn.seed(0)
    model = network().astype(np.float64)
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), losses.cross_entropy, progress=False)
    trainer.fit(train, epochs=1)
    assert predict_logits(model, train).dtype == np.float64


def test_probabilities_of_large_logits_do_not_overflow():
    np.testing.assert_allclose(probabilities(np.array([[1000.0, 0.0]])), [[1, 0]])
    np.testing.assert_allclose(probabilities(np.array([[0.0], [1000.0]])), [[0.5, 0.5], [0, 1]])


def test_a_custom_module_without_shapes_can_be_trained(train):
    class Mine(nn.Module):
        def __init__(self):
            self.inner = network()

        def forward(self, x):
            return self.inner(x)

    model = Mine()
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), losses.cross_entropy, progress=False)
    assert len(trainer.fit(train, epochs=1)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0}, "epochs expects a positive whole number, got 0"),
        ({"epochs": 1.5}, "epochs expects a positive whole number, got 1.5"),
        ({"batch_size": 0}, "batch_size expects a positive whole number, got 0"),
        ({"batch_size": -3}, "batch_size expects a positive whole number, got -3"),
    ],
)
def test_numbers_out_of_range_are_refused(train, arguments, message):
    with pytest.raises(InputError, match=message):
        make_trainer().fit(train, **arguments)


def test_labels_beyond_the_models_classes_are_refused(train):
    tn.seed(0)
    model = network(outputs=2)
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), losses.cross_entropy)
    with pytest.raises(InputError, match=r"train holds the label 2, but the model tells 2 classes"):
        trainer.fit(train)


def test_images_of_another_shape_are_refused(train, test):
    test.images = test.images[:, :5]
    with pytest.raises(InputError, match="36 features"):
        make_trainer().fit(train, test)


def test_images_of_another_shape_than_the_zoo_network_was_built_for_are_refused(train):
    model = tn.models.build("compact-cnn")
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), losses.cross_entropy)
    with pytest.raises(InputError, match=r"train holds images of shape \(6, 6, 1\), but the model was"):
        trainer.fit(train)


def test_a_model_that_keeps_the_image_axes_is_refused(train):
    model = nn.Sequential(nn.Conv2D(1, 3, 3))
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), losses.cross_entropy)
    with pytest.raises(InputError, match=r"one value per class: end the model with a Dense layer"):
        trainer.fit(train)


def test_something_else_than_a_data_set_is_refused(train):
    with pytest.raises(InputError, match="train expects a Dataset, got tuple"):
        make_trainer().fit((train.images, train.labels))


def test_an_empty_data_set_is_refused(train):
    train.images, train.labels = train.images[:0], train.labels[:0]
    with pytest.raises(InputError, match="train holds no images"):
        make_trainer().fit(train)


def test_no_images_to_predict_are_refused():
    with pytest.raises(InputError, match="at least one, got"):
        predict_logits(network(), np.zeros((0, 6, 6, 1), np.float32))


def test_progress_prints_one_line_per_epoch_where_there_is_no_terminal(train, test, capsys):
    make_trainer(progress=True).fit(train, test, epochs=2)
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert len(lines) == 2 and output.err == ""
    assert lines[1].startswith("Epoch 2/2: loss ") and "images/s" in lines[1]


def test_a_terminal_gets_a_live_bar(train, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(progress, "tqdm", functools.partial(progress.tqdm, mininterval=0))
    make_trainer(progress=True).fit(train, epochs=1)
    bar = capsys.readouterr().err
    for part in ("Epoch 1/1", "loss", "accuracy", "images/s", "left"):
        assert part in bar


def test_progress_can_be_silent(train, capsys):
    make_trainer(progress=False).fit(train, epochs=1)
    output = capsys.readouterr()
    assert output.out == "" and output.err == ""


@pytest.mark.parametrize("batch_size", [1, 9, 11])
def test_a_last_batch_that_batch_normalisation_cannot_use_is_refused_at_once(train, batch_size):
    trainer = make_trainer()
    before = trainer.model.state_dict()
    with pytest.raises(InputError, match="leaves a single image of 100 for the last batch"):
        trainer.fit(train, batch_size=batch_size)
    assert all(np.array_equal(before[k], v) for k, v in trainer.model.state_dict().items())


def test_a_last_batch_of_one_image_is_trained_on_where_that_is_possible(train):
    tn.seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Dense(36, 3))
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), losses.cross_entropy, progress=False)
    assert len(trainer.fit(train, epochs=1, batch_size=33)) == 1


def test_an_optimiser_of_another_model_is_refused_before_the_first_step():
    model, other = nn.Sequential(nn.Flatten(), nn.Dense(4, 2)), nn.Dense(4, 2)
    data = tn.data.Dataset(np.zeros((4, 2, 2, 1)), np.arange(4) % 2, ["a", "b"])
    trainer = Trainer(model, optim.SGD(other.parameters(), 0.1), losses.cross_entropy, progress=False)
    with pytest.raises(InputError, match="holds no parameter of this model"):
        trainer.fit(data, epochs=1)
