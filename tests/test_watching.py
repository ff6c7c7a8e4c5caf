"""Watching: every piece of work of a training step is told, and nothing happens while nobody listens."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.watching import watched, watching


def training_step():
    weight = tn.Tensor(np.ones((3, 2), np.float32), requires_grad=True)
    optimizer = tn.optim.SGD([weight], lr=0.1)
    data = tn.data.Dataset(np.ones((4, 1, 1, 3), np.float32), np.zeros(4, np.int64), ["a", "b"])
    for images, _ in data.batches(4):
        (tn.Tensor(images.reshape(4, 3)) @ weight).sum().backward()
    optimizer.step()


def test_each_piece_of_work_is_told_in_its_order():
    told = []
    with watching(lambda who, what, arguments, result, seconds: told.append((type(who).__name__, what))):
        training_step()
    assert told == [
        ("Batches", "load"),
        ("MatMul", "forward"),
        ("Sum", "forward"),
        ("Sum", "backward"),
        ("MatMul", "backward"),
        ("SGD", "update"),
    ]


def test_a_watcher_is_told_the_arguments_the_result_and_the_time():
    told = []
    with watching(lambda *event: told.append(event)):
        assert watched("me", "add", sum, [1, 2]) == 3
    ((who, what, arguments, result, seconds),) = told
    assert (who, what, arguments, result) == ("me", "add", ([1, 2],), 3)
    assert seconds > 0


def test_nobody_is_told_after_the_block_even_after_an_error():
    told = []
    with pytest.raises(ZeroDivisionError), watching(lambda *event: told.append(event)):
        watched("me", "divide", lambda: 1 / 0)
    assert watched("me", "add", sum, [1, 2]) == 3
    assert told == []
