"""The moving average of the weights: its formula, where it stands in for them, and going on with it."""

import json

import numpy as np
import pytest

import tinynet as tn
from tinynet.errors import CheckpointError, InputError
from tinynet.train import Average, RunFolder, load

from .problem import make_trainer, network
from .test_interruption import comparable, nan_at, pressing_ctrl_c_at, same_weights


def test_the_average_is_the_one_of_the_formula():
    tn.seed(0)
    model, average = network(), Average(0.6)
    rng = np.random.default_rng(0)
    expected = model.state_dict()
    for step in range(1, 20):
        weights = {name: rng.random(array.shape) for name, array in model.state_dict().items()}
        model.load_state_dict(weights)
        average.update(model)
        decay = min(0.6, step / (step + 9))
        if step == 1:
            expected = weights
        expected = {name: decay * expected[name] + (1 - decay) * weights[name] for name in weights}
    own = model.state_dict()
    average.put_into(model)
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-5)
        assert not np.array_equal(array, own[name])
    average.take_out_of(model)
    assert all(np.array_equal(own[name], array) for name, array in model.state_dict().items())


def test_running_statistics_are_averaged_too(train):
    trainer = make_trainer(average=Average(0.9))
    trainer.fit(train, epochs=1, batch_size=10)
    plain = make_trainer()
    plain.fit(train, epochs=1, batch_size=10)
    ours, theirs = trainer.model.state_dict(), plain.model.state_dict()
    changed = [name for name in ours if name.endswith(("running_mean", "running_var"))]
    assert len(changed) >= 2 and not any(np.array_equal(ours[name], theirs[name]) for name in changed)


def test_averaging_changes_no_step(train):
    with_average = make_trainer(average=Average(0.9))
    with_average.fit(train, epochs=2)
    without = make_trainer()
    without.fit(train, epochs=2)
    assert with_average.history.column("loss") == without.history.column("loss")
    with_average.average.take_out_of(with_average.model)
    assert same_weights(with_average.model, without.model)


def test_what_is_measured_saved_and_left_in_the_model_is_the_average(train, test, tmp_path):
    run = tmp_path / "run"
    trainer = make_trainer(average=Average(0.9), out=run)
    history = trainer.fit(train, test, epochs=2, batch_size=10)
    assert trainer.evaluate(test)["loss"] == history[-1]["val_loss"]
    assert same_weights(load(run, network()), trainer.model)
    record = json.loads((run / "run.json").read_text())
    assert record["validation"]["loss"] == history[-1]["val_loss"]
    assert record["configuration"]["average"] == 0.9
    plain = make_trainer()
    plain.fit(train, test, epochs=2, batch_size=10)
    assert not same_weights(plain.model, trainer.model)


def test_a_second_fit_goes_on_from_the_weights_of_the_last_step(train, test):
    at_once = make_trainer(average=Average(0.9))
    at_once.fit(train, test, epochs=2, batch_size=10)
    in_parts = make_trainer(average=Average(0.9))
    in_parts.fit(train, test, epochs=1, batch_size=10)
    in_parts.fit(train, test, epochs=1, batch_size=10)
    assert same_weights(at_once.model, in_parts.model)
    assert comparable(at_once.history) == comparable(in_parts.history)


@pytest.mark.parametrize("step", [4, 10, 13])
def test_an_interrupted_and_resumed_training_has_the_same_average(train, test, tmp_path, step):
    whole = make_trainer(average=Average(0.9))
    whole.fit(train, test, epochs=2, batch_size=10)
    run = tmp_path / "run"
    first = make_trainer(average=Average(0.9), loss=pressing_ctrl_c_at(step), out=run)
    first.fit(train, test, epochs=2, batch_size=10)
    second = make_trainer(seed=99, average=Average(0.9), out=RunFolder.open(run))
    second.restore(run)
    assert same_weights(second.model, first.model)
    second.fit(train, test, epochs=2 - len(second.history), batch_size=10)
    assert same_weights(second.model, whole.model) and same_weights(load(run, network()), whole.model)
    assert comparable(second.history) == comparable(whole.history)


def test_a_loss_that_is_not_finite_brings_back_the_average_of_the_epochs_start(train):
    one_epoch = make_trainer(average=Average(0.9))
    one_epoch.fit(train, epochs=1, batch_size=10)
    trainer = make_trainer(average=Average(0.9), loss=nan_at(15))
    with pytest.raises(tn.errors.TrainingError):
        trainer.fit(train, epochs=3, batch_size=10)
    assert same_weights(trainer.model, one_epoch.model)


def test_a_run_goes_on_with_the_average_it_was_begun_with(train, tmp_path):
    run = tmp_path / "run"
    make_trainer(average=Average(0.9), out=run).fit(train, epochs=1)
    with pytest.raises(CheckpointError, match="and not in the trainer: go on as the run was begun"):
        make_trainer().restore(run)
    with pytest.raises(CheckpointError, match=r"taken with decay 0\.9, not 0\.5"):
        make_trainer(average=Average(0.5)).restore(run)
    plain = tmp_path / "plain"
    make_trainer(out=plain).fit(train, epochs=1)
    with pytest.raises(CheckpointError, match="is in the trainer and not in"):
        make_trainer(average=Average(0.9)).restore(plain)


@pytest.mark.parametrize("decay", [1, -0.1, float("nan"), "much"])
def test_a_decay_that_averages_nothing_is_refused(decay):
    with pytest.raises(InputError, match="decay expects a finite number from 0 to below 1"):
        Average(decay)
