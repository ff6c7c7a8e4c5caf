"""Training on augmented images: it reaches the network, is recorded, and resumes to the same bits."""

import json

import numpy as np
import pytest

from tinynet.data.augment import Compose, Crop, Erase, Flip, Rotate
from tinynet.errors import InputError

from .problem import make_trainer
from .test_interruption import comparable, pressing_ctrl_c_at, same_weights

AUGMENT = Compose([Flip(), Crop(1), Rotate(10), Erase(0.5)])


def test_the_network_sees_augmented_images_in_training_only(train, test):
    seen = []
    trainer = make_trainer()
    model = trainer.model.forward

    def watch(x):
        seen.append((trainer.model.training, float(x.numpy().max())))
        return model(x)

    trainer.model.forward = watch
    trainer.fit(train, test, epochs=1, augment=lambda images, rng: np.zeros_like(images))
    assert {brightest for training, brightest in seen if training} == {0.0}
    assert min(brightest for training, brightest in seen if not training) > 0.5


@pytest.mark.parametrize("step", [1, 4, 10, 13])
def test_an_interrupted_and_resumed_training_equals_an_uninterrupted_one(train, test, tmp_path, step):
    whole = make_trainer()
    whole.fit(train, test, epochs=2, batch_size=10, augment=AUGMENT)

    first = make_trainer(loss=pressing_ctrl_c_at(step), out=tmp_path / "run")
    first.fit(train, test, epochs=2, batch_size=10, augment=AUGMENT)
    assert first.interrupted and first.steps == step

    second = make_trainer(seed=99)
    second.restore(tmp_path / "run")
    second.fit(train, test, epochs=2 - len(second.history), batch_size=10, augment=AUGMENT)
    assert same_weights(second.model, whole.model)
    assert comparable(second.history) == comparable(whole.history)


def test_the_record_says_how_images_were_augmented(train, tmp_path):
    make_trainer(out=tmp_path / "run").fit(train, epochs=1, augment=AUGMENT)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["configuration"]["augment"] == "flip,crop:1,rotate:10,erase:0.5"


def test_an_augmentation_that_fails_is_a_training_that_failed(train, tmp_path):
    trainer = make_trainer(out=tmp_path / "run")
    with pytest.raises(InputError, match="padding 6 could empty images"):
        trainer.fit(train, epochs=1, augment=Crop(6))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "failed" and "padding 6" in record["error"]


def test_what_is_no_augmentation_is_refused_before_the_run_begins(train, tmp_path):
    trainer = make_trainer(out=tmp_path / "run")
    with pytest.raises(InputError, match="augment expects a callable"):
        trainer.fit(train, epochs=1, augment="flip")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "created"
