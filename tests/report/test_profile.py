"""The profile: what is counted, that the rows add up to the step, and how it reads."""

import json

import numpy as np
import pytest

import tinynet as tn
from tinynet import nn, watching
from tinynet.errors import InputError
from tinynet.report import profile as module
from tinynet.report.limit import Limit, measure_limit
from tinynet.tensor import Op
from tinynet.watching import Part, watched

LIMIT = Limit(flops=1e9, bytes=1e8, threads=2)


@pytest.fixture(autouse=True)
def no_probe(monkeypatch):
    """Tables of these tests compare with a machine of round figures."""
    monkeypatch.setattr(module, "measure_limit", lambda: LIMIT)


def train(epochs=1, validation=False):
    """Train a small network, layer by layer, for four steps an epoch."""
    tn.seed(0)
    model = nn.Sequential(nn.Conv2D(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(16, 3))
    generator = np.random.default_rng(0)
    images = generator.random((16, 4, 4, 1), dtype=np.float32)
    data = tn.data.Dataset(images, np.arange(16) % 3, ["a", "b", "c"])
    optimizer = tn.optim.Adam(model.parameters(), lr=0.001)
    trainer = tn.Trainer(model, optimizer, tn.losses.cross_entropy, progress=False)
    with tn.fused.disabled():
        trainer.fit(data, data if validation else None, epochs=epochs, batch_size=4)


def trained(profile, **options):
    """The profile of such a training."""
    with profile:
        train(**options)
    return profile


def row(profile, name):
    return next(row for row in profile.rows if row.name == name)


def test_it_counts_the_wanted_steps_after_the_warm_up():
    assert trained(tn.Profile(steps=2, warm_up=1)).steps == 2
    assert trained(tn.Profile(steps=50, warm_up=1)).steps == 3  # of the four there are


def test_each_operation_of_the_step_has_a_row():
    profile = trained(tn.Profile(steps=2, warm_up=1))
    names = {"Conv2D", "ReLU", "Reshape", "Linear", "CrossEntropy", "Adam", "batches", "the rest"}
    assert {row.name for row in profile.rows} == names
    assert all(row.calls == 2 for row in profile.rows)


def test_the_rows_add_up_to_the_step():
    profile = trained(tn.Profile(steps=3, warm_up=1))
    assert all(row.seconds > 0 for row in profile.rows)
    assert sum(row.seconds for row in profile.rows) == pytest.approx(profile.seconds)


def test_arithmetic_is_that_of_the_layers():
    profile = trained(tn.Profile(steps=2, warm_up=1))
    forward = 2 * 4 * (2 * 2 * 4) * 9  # multiply and add, images, outputs, window
    assert row(profile, "Conv2D").flops == 2 * (forward + forward)  # steps; no gradient of the images
    assert row(profile, "Linear").flops == 2 * 3 * (2 * 4 * 16 * 3)  # gradients of x and of w


def test_bytes_are_those_of_the_arrays_each_counted_once():
    x = tn.Tensor(np.ones((5, 8), np.float32), requires_grad=True)
    optimizer = tn.optim.SGD([x], lr=0.1)
    with tn.Profile(steps=1, warm_up=1) as profile:
        for _ in range(2):
            tn.relu(x).sum().backward()
            optimizer.step()
    relu = row(profile, "ReLU")
    assert relu.bytes == 4 * 40 * (2 + 3)  # x and y, which it keeps; g, y and the gradient of x


def test_steps_with_an_evaluation_in_between_are_not_counted():
    with_validation = trained(tn.Profile(steps=50, warm_up=1), epochs=3, validation=True)
    assert with_validation.steps == 4 + 4 + 4 - 1 - 2


class Clock:
    """A clock that stands still unless it is moved, but for the moment that looking at it takes."""

    now = 0.0

    def perf_counter(self):
        self.now += 1e-9
        return self.now


def test_a_part_has_a_row_of_its_own_and_leaves_the_rest_to_the_operation(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(watching, "time", clock)
    monkeypatch.setattr(module, "time", clock)

    class Inner:
        def part(self, what, arguments):
            (x,) = arguments
            return Part(f"inner {what}", flops=1000, bytes=x.nbytes)

    class Fused(Op):
        def forward(self, x):
            clock.now += 2
            return watched(Inner(), "forward", self.work, x)

        def work(self, x):
            clock.now += 10
            return x + 1

        def flops(self, shapes, output):
            return 1000

        def backward(self, grad):
            return grad

    x = tn.Tensor(np.ones(2, np.float32), requires_grad=True)
    optimizer = tn.optim.SGD([x], lr=0.1)
    with tn.Profile(steps=1, warm_up=1) as profile:
        for _ in range(2):
            Fused()(x).sum().backward()
            optimizer.step()
    inner, fused = row(profile, "inner forward"), row(profile, "Fused")
    assert inner.forward == pytest.approx(10) and (inner.flops, inner.bytes) == (1000, 8)
    assert fused.forward == pytest.approx(2) and fused.flops == 1000  # of the backward, which has no parts
    assert profile.seconds == pytest.approx(12)


def test_the_share_of_the_limit_is_that_of_the_longer_one():
    assert LIMIT.seconds(flops=2e9, traffic=1e8) == 2
    assert LIMIT.seconds(flops=1e9, traffic=3e8) == 3


def test_the_record_is_json_and_its_shares_are_whole():
    record = json.loads(json.dumps(trained(tn.Profile(steps=2, warm_up=1)).record(), allow_nan=False))
    assert record["steps"] == 2 and record["limit"] == {"flops": 1e9, "bytes": 1e8, "threads": 2}
    assert sum(row["share"] for row in record["rows"]) == pytest.approx(1)
    milliseconds = sum(row["forward_ms"] + row["backward_ms"] for row in record["rows"])
    assert milliseconds == pytest.approx(record["milliseconds"])
    convolution = next(row for row in record["rows"] if row["operation"] == "Conv2D")
    seconds = (convolution["forward_ms"] + convolution["backward_ms"]) / 1000
    assert convolution["gflops"] == pytest.approx(2 * 2 * 4 * 16 * 9 / seconds / 1e9)
    assert convolution["calls"] == 1


def test_the_table_has_aligned_columns_and_says_what_the_limit_is():
    text = str(trained(tn.Profile(steps=2, warm_up=1)))
    lines = text.splitlines()
    assert lines[0] == "A training step, the mean of 2 after 1 to warm up:"
    assert len({len(line) for line in lines if line.startswith(("operation", "Conv2D", "----"))}) == 1
    assert lines[-2].startswith("a step") and "100.0%" in lines[-2]
    assert "2 threads" in lines[-1] and "1 GFLOP/s" in lines[-1] and "0.1 GB/s" in lines[-1]


def test_a_training_that_is_too_short_is_answered_with_a_sentence():
    profile = trained(tn.Profile(steps=2, warm_up=4))
    assert str(profile) == "No step was profiled: training made 4, and the first 4 are left to warm up."
    assert profile.record()["rows"] == []


def test_nothing_is_watched_after_the_last_step():
    with tn.Profile(steps=1, warm_up=1) as profile:
        train()
        assert profile.steps == 1 and not watching._watchers


@pytest.mark.parametrize("arguments", [{"steps": 0}, {"warm_up": 0}, {"steps": 1.5}])
def test_wrong_numbers_of_steps_are_refused(arguments):
    with pytest.raises(InputError, match=next(iter(arguments))):
        tn.Profile(**arguments)


def test_the_machine_is_measured_in_plausible_figures():
    limit = measure_limit()
    assert 1e9 < limit.flops < 1e15 and 1e8 < limit.bytes < 1e13
    assert limit.threads == tn.kernels.threads.num_threads()
