"""What the lessons say of PyTorch and Keras where they are not installed: answers, whole and up to date."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from lessons import _keras, _pytorch

FRAMEWORKS = {"torch": _pytorch, "keras": _keras}
RECORDS = {name: json.loads(asked.RECORD.read_text(encoding="utf-8")) for name, asked in FRAMEWORKS.items()}
QUESTIONS = [(name, question) for name, asked in FRAMEWORKS.items() for question in asked.QUESTIONS]
ORDER = RECORDS["torch"]["answers"]["order"]


def called(value):
    return getattr(value, "__name__", value)


@pytest.fixture(params=FRAMEWORKS)
def name(request):
    return request.param


@pytest.fixture
def without_frameworks(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_every_question_has_a_recorded_answer(name):
    assert [question.__name__ for question in FRAMEWORKS[name].QUESTIONS] == list(RECORDS[name]["answers"])
    assert RECORDS[name]["version"]


@pytest.mark.parametrize(("name", "question"), QUESTIONS, ids=called)
def test_without_a_framework_the_recorded_numbers_are_compared(without_frameworks, capsys, name, question):
    _pytorch.compare(question, RECORDS[name]["answers"][question.__name__])
    output = capsys.readouterr().out
    assert f"{FRAMEWORKS[name].NAME} {RECORDS[name]['version']}, recorded" in output


def test_keras_is_not_imported_in_fast_mode(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.delenv("TINYNET_FAST", raising=False)
    assert _keras.asked()
    monkeypatch.setenv("TINYNET_FAST", "1")
    assert not _keras.asked()


@pytest.mark.parametrize(
    ("ours", "error"),
    [({"dy/dx": 28.0}, AssertionError), ({"dc/da": np.ones(2)}, AssertionError), ({"dz/dx": 1.0}, KeyError)],
)
def test_another_number_shape_or_name_fails(without_frameworks, ours, error):
    with pytest.raises(error):
        _pytorch.compare(_pytorch.order, {**ORDER, **ours})


@pytest.mark.parametrize(("name", "question"), QUESTIONS, ids=called)
def test_a_framework_still_says_what_was_recorded(name, question):
    pytest.importorskip(name)
    if name == "keras":
        pytest.importorskip("tensorflow")
    for what, answer in question().items():
        np.testing.assert_allclose(
            answer, RECORDS[name]["answers"][question.__name__][what], rtol=1e-12, atol=1e-12
        )
