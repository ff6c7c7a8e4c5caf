"""The trained weights that are shipped: the files are the measured ones, and do what was measured."""

import hashlib
import json

import numpy as np
import pytest

from tinynet import models
from tinynet.data import sources
from tinynet.errors import MissingDataError
from tinynet.models import pretrained
from tinynet.train import checkpoint, predict_logits

LARGEST = 900_000  # bytes


def test_the_flagship_is_shipped():
    assert "mobilenet-28" in pretrained.names()


@pytest.mark.parametrize("name", pretrained.names())
def test_the_shipped_file_is_the_measured_one_and_small(name):
    content = pretrained.weights(name).read_bytes()
    record = json.loads(pretrained.weights(name).with_suffix(".json").read_text(encoding="utf-8"))
    assert hashlib.sha256(content).hexdigest() == record["sha256"] and len(content) < LARGEST
    model = models.build(name, pretrained=True)
    assert model.config == record["network"] and model.config["options"] == models.options(name)
    metadata = checkpoint.read_metadata(pretrained.weights(name))
    assert metadata["data"] == record["data"] and len(metadata["class_names"]) == model.classes


@pytest.mark.parametrize("name", pretrained.names())
def test_the_shipped_weights_reach_the_recorded_accuracy(name):
    record = json.loads(pretrained.weights(name).with_suffix(".json").read_text(encoding="utf-8"))
    try:
        _, test = sources.load(record["data"])
    except MissingDataError as error:
        pytest.skip(str(error))
    model = models.build(name, pretrained=True)
    for flips, measured in ((False, record["test"]), (True, record["flipped"])):
        logits = predict_logits(model, test, flips=flips)
        right = np.count_nonzero(logits.argmax(axis=1) == test.labels)
        # Another processor rounds otherwise: two images of ten thousand may fall to the other side.
        assert abs(right - measured["accuracy"] * len(test)) <= 2 and len(test) == measured["images"]
