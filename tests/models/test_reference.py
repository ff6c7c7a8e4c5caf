"""The reference networks, layer by layer, against the published summaries."""

import pytest

from tinynet import models, nn


def rows(model):
    """(layer class, output shape, parameters) of every layer but the activations."""
    return [
        (type(layer).__name__, after, layer.parameter_count())
        for layer, _, after in model.steps(model.input_shape)
        if not isinstance(layer, nn.ReLU)
    ]


def test_simple_cnn_is_the_published_summary():
    model = models.build("simple-cnn")
    assert rows(model) == [
        ("Conv2D", (26, 26, 32), 320),
        ("MaxPool2D", (13, 13, 32), 0),
        ("Dropout", (13, 13, 32), 0),
        ("Flatten", (5408,), 0),
        ("Dense", (5408,), 29_251_872),
        ("Dense", (10,), 54_090),
    ]
    assert model.parameter_count() == 29_306_282
    assert [layer.rate for layer in model if isinstance(layer, nn.Dropout)] == [0.2]


def test_separable_cnn():
    model = models.build("separable-cnn")
    assert rows(model) == [
        ("SeparableConv2D", (26, 26, 32), 9 + 32 + 32),
        ("MaxPool2D", (13, 13, 32), 0),
        ("SeparableConv2D", (11, 11, 64), 9 * 32 + 32 * 64 + 64),
        ("MaxPool2D", (5, 5, 64), 0),
        ("Flatten", (1600,), 0),
        ("Dense", (128,), 1600 * 128 + 128),
        ("Dense", (10,), 1290),
    ]
    assert model.parameter_count() == 208_691


def test_separable_cnn_binary_has_one_logit_for_two_classes():
    model = models.build("separable-cnn-binary")
    assert model.input_shape == (64, 64, 3)
    assert model.classes == 2
    assert rows(model)[-1] == ("Dense", (1,), 129)


def test_compact_cnn_stays_under_35_000_parameters_with_dropout_between_dense_layers():
    model = models.build("compact-cnn")
    kinds = [kind for kind, _, _ in rows(model)]
    assert kinds[-3:] == ["Dense", "Dropout", "Dense"]
    assert "MaxPool2D" in kinds
    assert model.parameter_count() == 33_194


@pytest.mark.parametrize("name", ["separable-cnn", "simple-cnn", "compact-cnn"])
def test_other_images_and_classes(name):
    model = models.build(name, size=20, in_channels=3, classes=4)
    assert model.input_shape == (20, 20, 3)
    assert model.output_shape((20, 20, 3)) == (4,)
    assert model.classes == 4
