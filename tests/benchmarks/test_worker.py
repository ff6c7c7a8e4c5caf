"""The worker's protocol: a process that builds, runs, fails and ends as it is told."""

from contextlib import closing

import numpy as np
import pytest

from benchmarks.peers import Peer
from benchmarks.process import PeerError, Worker
from benchmarks.worker import fingerprint, memory, timed

FAKE = Peer("fake", "Fake", "tests.benchmarks.fake_peer", (), {"training": ("a",)})


@pytest.fixture(scope="module")
def worker():
    with closing(Worker(FAKE, "a", threads=3)) as worker:
        yield worker


def task(model="net", **options):
    return {"model": model, "options": options}


def test_it_tells_about_the_network_it_built(worker):
    said = worker.build(task(**{"parameters a": 11}))
    assert said["parameters"] == 11 and said["versions"] == "Fake 1.0"
    assert said["output"] == [0, 1, 2, 3, 4, 5] and said["memory"] > 1


def test_the_output_is_computed_only_where_it_is_wanted(worker):
    assert worker.build({**task(), "output": False})["output"] is None


def test_it_makes_as_many_steps_as_it_is_asked_for(worker):
    worker.build(task(**{"seconds a": 1.0}))
    reply = worker.run(20)
    assert reply["seconds"] == {"step": pytest.approx(1.02)}
    assert reply["peak"] >= reply["memory"] > 1


def test_what_a_library_prints_does_not_disturb(worker):
    worker.build(task())
    assert [worker.run(1)["seconds"]["step"] for _ in range(3)] == [0.251] * 3


def test_a_peer_that_fails_is_named_and_can_go_on(worker):
    with pytest.raises(PeerError, match=r"^Fake \(a\): ValueError: there is no such layer$"):
        worker.build(task("fails"))
    assert worker.build(task())["parameters"] == 7


def test_its_process_has_the_threads_and_nothing_of_tinynet(worker):
    assert worker.build(task("looks around"))["parameters"] == [[], "3", "3"]


def test_a_process_that_ends_is_answered_with_its_last_words():
    with closing(Worker(FAKE, "a", threads=1)) as worker:
        worker.build(task("dies"))
        with pytest.raises(PeerError, match=r"its process ended\. No strength left\.$"):
            worker.run(1)
        with pytest.raises(PeerError, match="its process ended"):
            worker.run(1)


def test_a_fingerprint_does_not_depend_on_the_layout():
    images = np.random.default_rng(0).random((2, 9, 9, 5))
    assert fingerprint(images) == fingerprint(images[:, ::-1].transpose(0, 3, 1, 2))
    assert fingerprint(images) != fingerprint(images + 1e-9)
    assert len(fingerprint(images)) == 256


def test_a_step_is_timed_by_the_mean():
    calls = []
    assert 0 < timed(lambda: calls.append(1), 5)["step"] < 1
    assert len(calls) == 5


def test_the_most_memory_is_at_least_that_of_now():
    assert memory("VmHWM") >= memory("VmRSS") > 1
