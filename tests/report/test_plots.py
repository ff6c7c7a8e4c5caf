"""The pictures: what they contain, and that wrong arguments are answered with a sentence."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from tinynet.errors import InputError
from tinynet.report import pictures, plots, style

HISTORY = [
    {"epoch": 1, "loss": 0.9, "accuracy": 0.6, "val_loss": 0.8, "val_accuracy": 0.65},
    {"epoch": 2, "loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.7512},
]


def texts(figure):
    """Every string drawn on the figure."""
    from matplotlib.text import Text

    return [item.get_text() for item in figure.findobj(Text) if item.get_text()]


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_curves_draw_both_columns_of_the_history():
    loss, accuracy = plots.curves(HISTORY, validation="test").axes
    assert list(lines(loss)["training"].get_ydata()) == [0.9, 0.5]
    assert list(lines(loss)["test"].get_ydata()) == [0.8, 0.6]
    assert list(lines(accuracy)["test"].get_ydata()) == [0.65, 0.7512]


def test_curves_write_the_last_values():
    drawn = texts(plots.curves(HISTORY))
    assert {"0.5000", "0.6000", "80.00 %", "75.12 %"} <= set(drawn)


def test_curves_without_validation_draw_one_line():
    history = [{**record, "val_loss": None, "val_accuracy": None} for record in HISTORY]
    assert set(lines(plots.curves(history).axes[0])) == {"training"}


def test_a_tiny_difference_does_not_fill_the_panel():
    accuracy = plots.curves([{**HISTORY[0], "accuracy": 0.6, "val_accuracy": 0.6001}]).axes[1]
    bottom, top = accuracy.get_ylim()
    assert top - bottom >= 0.05


def test_curves_of_an_empty_history_are_refused():
    with pytest.raises(InputError, match="at least one epoch"):
        plots.curves([])


def test_confusion_writes_counts_and_shares():
    drawn = texts(plots.confusion(np.array([[90, 10], [1, 1999]]), ["cat", "dog"]))
    assert {"90", "10", "90 %", "1,999", "cat", "dog"} <= set(drawn)
    assert "0 %" not in drawn  # 1 of 2,000 is too little to be written as a share


def test_confusion_of_a_class_without_images_is_drawn():
    plots.confusion(np.array([[3, 0], [0, 0]]), ["cat", "dog"])


def test_confusion_refuses_a_matrix_of_another_size():
    with pytest.raises(InputError, match=r"\(3, 3\) for 3 class names, got \(2, 2\)"):
        plots.confusion(np.eye(2), ["a", "b", "c"])


def test_long_names_keep_their_beginning_and_their_end():
    assert style.shortened("a dog of Newfoundland", 21) == "a dog of Newfoundland"
    assert style.shortened("a dog of Newfoundland", 13) == "a dog …ndland"


@pytest.mark.parametrize("length", [1, 5, 500])
def test_long_names_leave_the_plots_their_place(length):
    names = [f"{'x' * length}{number}" for number in range(3)]
    matrix = plots.confusion(np.eye(3, dtype=int), names)
    bars = pictures.prediction(np.zeros((4, 4, 1)), np.array([0.2, 0.7, 0.1]), names)
    for figure, axes in ((matrix, matrix.axes[0]), (bars, bars.axes[1])):
        style.to_png(figure)  # which lays it out
        width, height = axes.get_position().size * figure.get_size_inches()
        assert width > 1.6 and height > 1.6, (width, height)


def test_a_long_subtitle_takes_two_lines():
    subtitle = "separable-cnn-binary on cats-dogs, 25 epochs; 2,000 test images, accuracy 80.20 %, and more"
    figure = plots.confusion(np.eye(2, dtype=int), ["cat", "dog"], subtitle=subtitle)
    style.to_png(figure)
    (drawn,) = (text for text in figure.texts if text.get_text().startswith("separable"))
    assert drawn.get_text().replace("\n", " ") == subtitle and drawn.get_text().count("\n") == 1
    box, axes = drawn.get_window_extent(), figure.axes[0].get_window_extent()
    assert box.x1 < figure.bbox.x1 and box.y0 > axes.y1


def test_worst_mistakes_come_surest_first():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    labels = np.array([0, 1, 0, 0])
    assert list(pictures.worst_mistakes(labels, probabilities)) == [2, 3, 1]


def test_the_sheet_shows_every_mistake_with_its_truth():
    images = np.zeros((3, 4, 4, 1), np.float32)
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    drawn = texts(pictures.predictions(images, np.array([0, 1, 1]), probabilities, ["cat", "dog"]))
    assert "cat 80 %" in drawn and "is: dog" in drawn
    assert "The surest of 1 mistakes" not in drawn and "The only mistake" in drawn


def test_the_sheet_of_a_perfect_network_has_no_mistakes():
    image = np.zeros((1, 4, 4, 3), np.uint8)
    drawn = texts(pictures.predictions(image, [0], np.array([[1.0, 0.0]]), ["a", "b"]))
    assert not any("mistake" in text for text in drawn)


def test_a_prediction_lists_the_likeliest_class_first():
    figure = pictures.prediction(np.zeros((4, 4, 1)), np.array([0.2, 0.7, 0.1]), ["a", "b", "c"])
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("chance", "text"), [(1.0, "100 %"), (0.9999, "> 99 %"), (0.5, "50 %"), (0.0001, "< 1 %")]
)
def test_percentages_do_not_claim_certainty(chance, text):
    assert pictures.percent(chance) == text


def test_a_warning_is_written_on_the_picture():
    assert "synthetic garments" in texts(plots.curves(HISTORY, warning="synthetic garments"))


def test_pictures_are_png():
    content = style.to_png(plots.curves(HISTORY))
    assert Image.open(io.BytesIO(content)).format == "PNG"


def test_drawing_does_not_import_pyplot():
    program = (
        "import sys, numpy; from tinynet.report import plots, style;"
        "style.to_png(plots.confusion(numpy.eye(2, dtype=int), ['a', 'b']));"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
