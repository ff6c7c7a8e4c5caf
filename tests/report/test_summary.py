"""The summary table: the figures of known networks, and how it reads."""

import numpy as np
import pytest

from tinynet import models, nn
from tinynet.errors import InputError
from tinynet.report.summary import summary


def test_simple_cnn_reads_as_published():
    table = summary(models.build("simple-cnn"))
    rows = [(row.layer.split("(")[0], row.output_shape, row.parameters) for row in table.rows]
    assert ("Conv2D", (26, 26, 32), 320) in rows
    assert ("MaxPool2D", (13, 13, 32), 0) in rows
    assert ("Flatten", (5408,), 0) in rows
    assert ("Dense", (5408,), 29_251_872) in rows
    assert ("Dense", (10,), 54_090) in rows
    assert table.parameters == table.trainable == 29_306_282
    assert any(row.layer == "Dropout(0.2)" for row in table.rows)


def test_the_text_has_thousands_separators_and_totals():
    text = str(summary(models.build("simple-cnn")))
    assert "(26, 26, 32)" in text and "29,251,872" in text and "29,306,282" in text


def test_multiply_adds_are_those_of_the_formula():
    table = summary(nn.Sequential(nn.Conv2D(3, 8, 3), nn.Flatten(), nn.Dense(8 * 6 * 6, 2)), (8, 8, 3))
    assert [row.multiply_adds for row in table.rows] == [6 * 6 * 9 * 3 * 8, 0, 8 * 6 * 6 * 2]
    assert table.multiply_adds == 6 * 6 * 9 * 3 * 8 + 8 * 6 * 6 * 2


def test_running_statistics_count_but_are_not_trained():
    table = summary(nn.Sequential(nn.Conv2D(1, 4, 3), nn.BatchNorm(4)), (5, 5, 1))
    assert table.parameters - table.trainable == 8
    assert "running statistics: 8" in str(table)


def test_a_sequential_inside_another_is_opened():
    model = nn.Sequential(nn.Sequential(nn.Flatten(), nn.Dense(4, 3)), nn.ReLU())
    table = summary(model, (2, 2, 1))
    assert [row.name for row in table.rows] == ["layers.0.layers.0", "layers.0.layers.1", "layers.1"]
    assert [row.parameters for row in table.rows] == [0, 15, 0]


def test_nothing_is_run():
    class Forbidden(nn.ReLU):
        def forward(self, x):
            raise AssertionError("summary ran the layer")

    summary(nn.Sequential(Forbidden()), (2, 2, 1))


def test_lines_are_aligned():
    lines = str(summary(nn.Sequential(nn.Flatten(), nn.Dense(4, 3)), (2, 2, 1))).splitlines()
    assert len({len(line) for line in lines if line.startswith("Dense") or set(line) == {"-"}}) == 1


def test_a_model_without_a_shape_of_its_own_needs_one():
    with pytest.raises(InputError, match="needs input_shape"):
        summary(nn.Sequential(nn.Flatten()))


def test_a_shape_that_does_not_fit_names_the_layer():
    with pytest.raises(InputError, match="Conv2D"):
        summary(nn.Sequential(nn.ReLU(), nn.Conv2D(3, 4, 3)), (8, 8, 1))


def test_a_module_that_tells_no_shape_is_named():
    class Mine(nn.Module):
        def forward(self, x):
            return x

    with pytest.raises(InputError, match="Mine"):
        summary(nn.Sequential(Mine()), (np.int64(2), 2, 1))
