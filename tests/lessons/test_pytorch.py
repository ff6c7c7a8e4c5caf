"""What the lessons say of PyTorch where it is not installed: recorded answers, whole and up to date."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from lessons import _pytorch as beside

RECORD = json.loads(beside.RECORD.read_text(encoding="utf-8"))


def test_every_question_has_a_recorded_answer():
    assert [question.__name__ for question in beside.QUESTIONS] == list(RECORD["answers"])
    assert RECORD["torch"]


def without_torch(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_without_pytorch_the_recorded_numbers_are_compared_and_said_to_be_recorded(monkeypatch, capsys):
    without_torch(monkeypatch)
    beside.compare(beside.order, RECORD["answers"]["order"])
    assert f"PyTorch {RECORD['torch']}, recorded" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ours", "error"),
    [({"dy/dx": 28.0}, AssertionError), ({"dc/da": np.ones(2)}, AssertionError), ({"dz/dx": 1.0}, KeyError)],
)
def test_another_number_shape_or_name_fails(monkeypatch, ours, error):
    without_torch(monkeypatch)
    with pytest.raises(error):
        beside.compare(beside.order, {**RECORD["answers"]["order"], **ours})


@pytest.mark.parametrize("question", beside.QUESTIONS, ids=lambda question: question.__name__)
def test_pytorch_still_says_what_was_recorded(question):
    pytest.importorskip("torch")
    recorded = RECORD["answers"][question.__name__]
    for name, answer in question().items():
        np.testing.assert_allclose(answer, recorded[name], rtol=1e-12, atol=1e-12)
