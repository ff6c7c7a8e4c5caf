"""Rounds, and what has to be the same before anything is compared."""

from __future__ import annotations

import pytest

from benchmarks import measure
from benchmarks.cases import TRAINING, Case, Network, chosen
from benchmarks.measure import Effort, check_same, rounds
from benchmarks.peers import Peer
from benchmarks.process import PeerError
from tinynet.errors import InputError


class Worker:
    """A worker in this process, whose steps take a given time."""

    def __init__(self, label, seconds=0.01, parameters=7, output=(1.0, 2.0), log=None):
        self.label, self.seconds, self.log = label, seconds, log if log is not None else []
        self.said = {"parameters": parameters, "output": list(output)}

    def run(self, steps):
        self.log.append((self.label, steps))
        return {"seconds": {"step": self.seconds}}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(measure, "PAUSE", 0)


def test_workers_take_turns_forwards_and_backwards():
    log = []
    workers = [Worker("a", 0.5, log=log), Worker("b", 0.5, log=log)]
    replies = list(rounds(workers, Effort(rounds=3, seconds=1)))
    assert [label for label, _ in log[-6:]] == ["a", "b", "b", "a", "a", "b"]
    assert len(replies) == 3 and all(len(reply) == 2 for reply in replies)


def test_replies_stand_in_the_order_of_the_workers():
    for reply in rounds([Worker("a", 0.5), Worker("b", 0.25)], Effort(rounds=2, seconds=1)):
        assert [one["seconds"]["step"] for one in reply] == [0.5, 0.25]


def test_a_round_is_filled_with_steps_but_has_two_at_least():
    log = []
    list(rounds([Worker("quick", 0.01, log=log), Worker("slow", 3, log=log)], Effort(rounds=1, seconds=0.5)))
    assert log[-2:] == [("quick", 50), ("slow", 2)]


def test_another_number_of_parameters_is_refused():
    with pytest.raises(PeerError, match="B built a network of 1,008 parameters, A one of 1,007"):
        check_same([Worker("A", parameters=1007), Worker("B", parameters=1008)])


@pytest.mark.parametrize("output", [(1.0, 2.1), (1.0, 2.0, 3.0), (1.0, float("nan"))])
def test_another_output_is_refused(output):
    with pytest.raises(PeerError, match="B and A give different outputs"):
        check_same([Worker("A"), Worker("B", output=output)])


def test_rounding_differs_and_is_accepted():
    check_same([Worker("A"), Worker("B", output=(1.0005, 1.9995))])


def test_peers_are_measured_in_processes_of_their_own(monkeypatch):
    options = {"seconds a": 0.2, "seconds b": 0.1, "parameters c": 8}
    case = Case("case", Network("net", "net", options), 4, TRAINING, {})

    def fake(name, *variants):
        return Peer(name, name.upper(), "tests.benchmarks.fake_peer", (), {"training": variants})

    monkeypatch.setattr(measure, "task", _FakeTask)
    found, left_out = measure.measure(
        case, [fake("first", "a"), fake("second", "a", "b"), fake("third", "c")], 2, Effort(2, 0.5)
    )
    assert {name: [f.variant for f in figures] for name, figures in found.items()} == {
        "first": ["a"],
        "second": ["a", "b"],
    }
    (a,), b = found["first"], found["second"][1]
    assert a.first == pytest.approx(201) and a.rounds == [pytest.approx(203)] * 2
    assert b.median == pytest.approx(105) and b.versions == "Fake 1.0"
    assert a.start > 0 and a.peak >= a.resting > 0
    assert left_out == [
        "THIRD (c) built a network of 8 parameters, FIRST (a) one of 7: they cannot be compared."
    ]


def test_compiling_is_timed_in_an_empty_cache_and_done_before_the_others_are(monkeypatch, tmp_path):
    case = Case("case", Network("net", "compiles", {}), 4, TRAINING, {})
    peer = Peer("first", "First", "tests.benchmarks.fake_peer", (), {"training": ("a",)})
    monkeypatch.setattr(measure, "task", _FakeTask)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (cold,) = measure.measure(case, [peer], 2, Effort(1, 0.5))[0]["first"]
    assert cold.cold >= cold.start + 400
    (warm,) = measure.measure(case, [peer], 2, Effort(1, 0.5, cold=False))[0]["first"]
    assert warm.cold is None


class _FakeTask:
    """Stands for the files of a task, which the fake peer does not read."""

    def __init__(self, kind, model, options, batch):
        self.work = {"task": kind, "model": model, "options": options, "batch": batch}

    def __enter__(self):
        return self.work

    def __exit__(self, *exception):
        pass


def test_cases_are_chosen_by_name_or_by_a_word_of_it():
    assert [case.name for case in chosen(["infer-separable-cnn-1"])] == ["infer-separable-cnn-1"]
    assert {case.network.model for case in chosen(["simple"])} == {"simple-cnn"}
    assert len(chosen(None)) == len(chosen(["train", "infer"])) > 10


def test_an_unknown_case_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="no case with 'alexnet' .* train-compact-cnn-128"):
        chosen(["alexnet"])
