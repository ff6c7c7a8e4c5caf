"""Stopping: Ctrl-C, a loss that is not finite, and going on later as if nothing had happened."""

import json
import os
import signal

import numpy as np
import pytest

import tinynet as tn
from tinynet import losses
from tinynet.errors import CheckpointError, TrainingError
from tinynet.train import History, RunFolder, load

from .problem import make_trainer, network


def pressing_ctrl_c_at(step, times=1):
    """A cross-entropy during whose call number `step` Ctrl-C is pressed."""
    calls = 0

    def loss(logits, labels):
        nonlocal calls
        calls += tn.is_grad_enabled()
        if calls == step and tn.is_grad_enabled():
            for _ in range(times):
                os.kill(os.getpid(), signal.SIGINT)
        return losses.cross_entropy(logits, labels)

    return loss


def nan_at(step):
    """A cross-entropy that is NaN at call number `step`."""
    calls = 0

    def loss(logits, labels):
        nonlocal calls
        calls += tn.is_grad_enabled()
        value = losses.cross_entropy(logits, labels)
        return value * float("nan") if calls == step and tn.is_grad_enabled() else value

    return loss


def same_weights(first, second):
    first, second = first.state_dict(), second.state_dict()
    return all(np.array_equal(first[name], second[name], equal_nan=True) for name in first)


def comparable(history):
    return [{name: record[name] for name in record if name != "seconds"} for record in history]


# Going on


@pytest.mark.parametrize("step", [1, 4, 10, 13])
def test_an_interrupted_and_resumed_training_equals_an_uninterrupted_one(train, test, tmp_path, step):
    """10 steps an epoch: within one, at the end of one, and in the next; with dropout and Adam."""
    whole = make_trainer()
    whole.fit(train, test, epochs=2, batch_size=10)

    first = make_trainer(loss=pressing_ctrl_c_at(step), out=tmp_path / "run")
    first.fit(train, test, epochs=2, batch_size=10)
    assert first.interrupted and first.steps == step

    second = make_trainer(seed=99)
    second.restore(tmp_path / "run")
    second.fit(train, test, epochs=2 - len(second.history), batch_size=10)
    assert same_weights(second.model, whole.model)
    assert comparable(second.history) == comparable(whole.history)


def test_an_interrupted_training_can_go_on_in_the_same_process(train, test):
    whole = make_trainer()
    whole.fit(train, test, epochs=2, batch_size=10)
    trainer = make_trainer(loss=pressing_ctrl_c_at(4))
    trainer.fit(train, test, epochs=2, batch_size=10)
    trainer.fit(train, test, epochs=2, batch_size=10)
    assert not trainer.interrupted and same_weights(trainer.model, whole.model)


def test_resuming_between_epochs_is_exact(train, test, tmp_path):
    whole = make_trainer()
    whole.fit(train, test, epochs=3)
    make_trainer(out=tmp_path / "run").fit(train, test, epochs=1)
    second = make_trainer(seed=99)
    second.restore(tmp_path / "run" / "checkpoint.npz")
    second.fit(train, test, epochs=2)
    assert same_weights(second.model, whole.model)


def test_a_damaged_checkpoint_is_refused(train, tmp_path):
    make_trainer(out=tmp_path / "run").fit(train, epochs=1)
    path = tmp_path / "run" / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match="damaged"):
        make_trainer().restore(tmp_path / "run")


# Ctrl-C


def test_ctrl_c_leaves_a_complete_run_folder(train, test, tmp_path, capfd):
    run = tmp_path / "run"
    trainer = make_trainer(loss=pressing_ctrl_c_at(13), out=run)
    history = trainer.fit(train, test, test=test, epochs=5, batch_size=10)
    assert len(history) == 1 and History.load(run / "history.json") == history
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "interrupted" and record["test"]["images"] == 40
    assert {"curves.png", "confusion.png", "predictions.png"} <= set(os.listdir(run))
    assert same_weights(load(run, network()), trainer.model)
    assert "Interrupted" in capfd.readouterr().err


def test_ctrl_c_in_the_first_epoch_saves_what_was_learned(train, test, tmp_path):
    run = tmp_path / "run"
    trainer = make_trainer(loss=pressing_ctrl_c_at(2), out=run)
    assert trainer.fit(train, test, epochs=5, batch_size=10) == []
    assert json.loads((run / "history.json").read_text()) == []
    assert same_weights(load(run, network()), trainer.model)
    record = json.loads((run / "run.json").read_text())
    assert record["steps"] == 2 and record["training_seconds"] > 0
    assert (run / "confusion.png").exists() and not (run / "curves.png").exists()


def test_a_second_ctrl_c_stops_at_once(train, tmp_path):
    trainer = make_trainer(loss=pressing_ctrl_c_at(13, times=2), out=tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        trainer.fit(train, epochs=5, batch_size=10)
    assert len(History.load(tmp_path / "run" / "history.json")) == 1


def test_ctrl_c_does_again_what_it_did_before(train):
    before = signal.getsignal(signal.SIGINT)
    make_trainer(loss=pressing_ctrl_c_at(1)).fit(train)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_does_not_save_weights_that_are_not_finite(train, tmp_path):
    def loss(logits, labels):
        os.kill(os.getpid(), signal.SIGINT)
        return losses.cross_entropy(logits, labels)

    trainer = make_trainer(lr=1e30, loss=loss, out=tmp_path / "run")
    step = trainer.optimizer.step

    def ruinous_step():
        step()
        with trainer.model[1].weight._writing() as array:
            array[0] = np.nan

    trainer.optimizer.step = ruinous_step
    with pytest.raises(TrainingError, match="Epoch 1, step 1, at its end: the parameter layers.1.w"):
        trainer.fit(train)
    saved = load(tmp_path / "run", network()).state_dict()
    assert all(np.isfinite(value).all() for value in saved.values())


def test_an_old_folder_can_be_gone_on_in(train, tmp_path):
    run = tmp_path / "run"
    make_trainer(out=run).fit(train, epochs=1)
    trainer = make_trainer(out=RunFolder.open(run))
    trainer.restore(run)
    trainer.fit(train, epochs=1)
    assert History.load(run / "history.json").column("epoch") == [1, 2]


def test_the_final_result_is_that_of_the_weights_that_are_saved(train, test, tmp_path):
    """Also when the last validation was before them, or on other images."""
    run = tmp_path / "run"
    trainer = make_trainer(out=run)
    trainer.fit(train, test, epochs=1, test=test)
    trainer.fit(train, None, epochs=1, test=test)
    result = json.loads((run / "run.json").read_text())["test"]
    assert {**trainer.evaluate(test), "images": 40} == result


# A loss that is not finite


def test_a_loss_that_is_not_finite_brings_back_the_weights_of_the_epochs_start(train, tmp_path):
    one_epoch = make_trainer()
    one_epoch.fit(train, epochs=1, batch_size=10)
    run = tmp_path / "run"
    trainer = make_trainer(loss=nan_at(15), out=run)
    with pytest.raises(TrainingError, match=r"Epoch 2, step 5: the loss is nan\."):
        trainer.fit(train, epochs=3, batch_size=10)
    assert same_weights(trainer.model, one_epoch.model)
    assert same_weights(load(run, network()), one_epoch.model)
    record = json.loads((run / "run.json").read_text())
    assert record["status"] == "failed" and "Epoch 2, step 5" in record["error"]


def test_a_loss_that_alone_is_not_finite_is_blamed(train):
    with pytest.raises(TrainingError, match="look at the loss function"):
        make_trainer(loss=nan_at(1)).fit(train)


def test_the_first_layer_that_is_not_finite_is_named(train):
    trainer = make_trainer()
    with trainer.model[1].bias._writing() as bias:
        bias[3] = np.inf
    with pytest.raises(TrainingError) as caught:
        trainer.fit(train)
    assert "first layer whose output is not finite is Dense (layers.1)" in str(caught.value)
    assert "the parameter layers.1.bias was already not finite" in str(caught.value)


def test_images_that_are_not_finite_are_named(train):
    train.images[5] = np.nan  # after the data set's own check
    with pytest.raises(TrainingError, match="images of the batch hold values that are not finite"):
        make_trainer().fit(train)


def test_an_exploding_learning_rate_is_reported_without_numpy_warnings(train):
    trainer = make_trainer(lr=1e30)
    before = trainer.model.state_dict()
    with pytest.raises(TrainingError, match="is not finite.*learning rate that is too high"):
        trainer.fit(train, epochs=3, batch_size=10)
    assert all(np.isfinite(value).all() for value in trainer.model.state_dict().values())
    assert all(np.array_equal(before[k], v) for k, v in trainer.model.state_dict().items())


def test_damage_by_the_last_update_of_an_epoch_is_found_before_saving(train, tmp_path):
    class Poison:
        """An optimiser whose tenth step ruins a weight."""

        def __init__(self, optimizer, parameter):
            self.inner, self.parameter, self.calls = optimizer, parameter, 0

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def step(self):
            self.inner.step()
            self.calls += 1
            if self.calls == 10:
                with self.parameter._writing() as array:
                    array[0] = np.nan

    trainer = make_trainer(out=tmp_path / "run")
    trainer.optimizer = Poison(trainer.optimizer, trainer.model[5].weight)
    with pytest.raises(TrainingError, match="after step 10: the parameter layers.5.weight is not"):
        trainer.fit(train, epochs=1, batch_size=10)
    saved = load(tmp_path / "run", network())
    assert all(np.isfinite(value).all() for value in saved.state_dict().values())
