"""Growth with size: the fit finds what it was made from, and the tables and picture say it."""

import numpy as np
import pytest

from benchmarks import chart, scaling

SIZES = [1, 2, 4, 8, 16, 32, 64, 128]


@pytest.mark.parametrize("power", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("fixed", [0.0, 3.0])
def test_a_fit_finds_fixed_cost_factor_and_exponent(power, fixed):
    times = [fixed + 0.5 * size**power for size in SIZES]
    fit = scaling.fit(SIZES, times)
    assert fit["exponent"] == pytest.approx(power, abs=0.005)
    assert fit["fixed"] == pytest.approx(fixed, abs=1e-6) and fit["factor"] == pytest.approx(0.5)


def test_noise_of_some_percent_hardly_moves_it():
    noise = np.random.default_rng(0).normal(1, 0.03, len(SIZES))
    fit = scaling.fit(SIZES, [(3 + 0.5 * size) * factor for size, factor in zip(SIZES, noise, strict=True)])
    assert fit["exponent"] == pytest.approx(1, abs=0.1)


def test_a_fixed_cost_is_never_negative():
    assert scaling.fit(SIZES, [max(0.01, size - 1) for size in SIZES])["fixed"] == 0


@pytest.fixture
def record():
    def series(name, values, size, **place):
        times = {"tinynet": lambda value: 1 + size(value), "pytorch": lambda value: 2.0 * size(value)}
        points = [{name: value, "ms": {peer: of(value) for peer, of in times.items()}} for value in values]
        sizes = [size(value) for value in values]
        fits = {peer: scaling.fit(sizes, list(map(of, values))) for peer, of in times.items()}
        return {**place, "points": points, "fits": fits}

    return {
        "processor": "A Processor",
        "threads": 1,
        "network": "net",
        "batch": series("batch", [1, 2, 4, 8], float, side=32),
        "side": series("side", [28, 56, 112], lambda side: side**2 / 28**2, batch=8),
    }


def test_the_tables_have_time_per_size_and_the_fit(record):
    table = scaling.table(record, "batch")
    assert table[0] == ["batch, 32 pixels", "tinynet, ms", "PyTorch, ms", "tinynet, µs per image"]
    assert table[1] == ["1", "2.00", "2.00", "2000.0"]
    assert table[-2:] == [["fixed cost", "1.00", "0.00", ""], ["exponent of the rest", "1.00", "1.00", ""]]
    assert scaling.table(record, "side")[1] == ["28", "2.00", "2.00", f"{2000 / (8 * 0.784):.1f}"]


def test_the_picture_shows_both_and_linear_growth(record):
    left, right = chart.scaling(record).axes
    assert [line.get_label() for line in left.get_lines()] == [
        "tinynet: fixed 1.00 ms, exponent 1.00",
        "PyTorch: fixed 0.000 ms, exponent 1.00",
        "linear growth",
    ]
    assert list(right.get_lines()[0].get_ydata()) == [2, 5, 17]
