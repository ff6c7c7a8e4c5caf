"""The machinery of the checks: what differs is found, said exactly, and answered with the hint that fits."""

from __future__ import annotations

import numpy as np
import pytest

from lessons import shelf
from lessons.checking import Case, Check, Mistake, judge
from tinynet import Tensor


def verdict_on(got, expected, tolerance=1e-6):
    return judge(Check("it", lambda answer: [Case("it", got, expected, tolerance)], "general", ()), None)


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        (2, 2.0),
        (np.float32(0.1), 0.1),
        ([1, 2], np.array([1.0, 2.0])),
        (Tensor([1.0, 2.0]), [1, 2]),
        (float("nan"), float("nan")),
        (float("inf"), float("inf")),
        ((1, [2, 3]), (1, [2, 3])),
        ("relu", "relu"),
        (np.True_, True),
        (None, None),
    ],
)
def test_what_is_equal_is_right(got, expected):
    assert verdict_on(got, expected).state == "right"


@pytest.mark.parametrize(
    ("got", "expected", "sentence"),
    [
        (5.0, 6.0, "it: got 5, expected 6."),
        ([[1, 2], [3, 4]], [[1, 2], [5, 7]], "it[1, 0]: got 3, expected 5; 2 of 4 numbers differ."),
        (1.0000021, 1.0, "it: got 1.0000021, expected 1."),
        (float("nan"), 1.0, "it: got nan, expected 1."),
        (float("-inf"), float("inf"), "it: got -inf, expected inf."),
        (None, 1.0, "it: got None, expected 1; is a `return` missing?"),
        (np.zeros((2, 1)), [0, 0], "it: got an array of shape (2, 1), expected an array of shape (2,)."),
        (3.0, [1.0, 2.0], "it: got the number 3, expected an array of shape (2,)."),
        ("two", 2.0, "it: got 'two', expected 2."),
        ([1, [2, 3]], [1, 2], "it: got 2 values, expected an array of shape (2,)."),
        (object(), 2.0, "it: got an object of type object, expected 2."),
        ((1, 2), (1, 3), "it, value 2: got 2, expected 3."),
        ((1, 2, 3), (1, 3), "it: got 3 values, expected 2 values."),
        (7, (1, 3), "it: got 7, expected 2 values."),
        ("tanh", "relu", "it: got 'tanh', expected 'relu'."),
        (1, True, "it: got 1, expected True."),
    ],
)
def test_the_first_wrong_number_is_said(got, expected, sentence):
    verdict = verdict_on(got, expected)
    assert (verdict.state, verdict.wrong, verdict.hint) == ("wrong", sentence, "general")


def test_the_tolerance_is_relative_for_large_numbers():
    assert verdict_on(1e6 + 0.9, 1e6).state == "right"
    assert verdict_on(1e6 + 1.1, 1e6).state == "wrong"


def doubled(answer):
    yield Case("doubled(2)", answer(2.0), 4.0)
    yield Case("doubled(3)", answer(3.0), 6.0)


DOUBLED = Check(
    "doubled",
    doubled,
    "general",
    (Mistake(lambda number: number**2, "not squared"), Mistake(lambda number: number.double(), "no method")),
)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda number: number * number, "not squared"),
        (lambda number: number**2 + 1e-9, "not squared"),
        (lambda number: number + 1, "general"),
        (lambda number: number.twice(), "no method"),
    ],
)
def test_the_hint_is_that_of_the_mistake_with_the_same_wrong_number(answer, hint):
    assert judge(DOUBLED, answer).hint == hint


def module(tmp_path, code):
    path = tmp_path / "mine.py"
    path.write_text(code, encoding="utf-8")
    return path, shelf.load(path)


def test_an_exception_of_the_answer_is_wrong_and_its_line_said(tmp_path):
    path, mine = module(tmp_path, "def doubled(number):\n    return number / 0\n")
    wrong = judge(DOUBLED, mine.doubled, path).wrong
    assert wrong.startswith("raises ZeroDivisionError:") and wrong.endswith("(line 2).")


def test_not_attempted_is_only_what_the_file_itself_says(tmp_path):
    path, mine = module(tmp_path, "def doubled(number):\n    raise NotImplementedError\n")
    assert judge(DOUBLED, mine.doubled, path).state == "not attempted"
    code = "from tinynet import Op\n\ndef doubled(number):\n    return Op().forward(number)\n"
    path, mine = module(tmp_path, code)
    assert judge(DOUBLED, mine.doubled, path).state == "wrong"
