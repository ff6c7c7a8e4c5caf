"""The figure on separable convolutions computes, counts and shows what tinynet does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinynet import ops
from tinynet.nn import Conv2D, DepthwiseConv2D, PointwiseConv2D, Sequential
from tinynet.report.summary import summary

CHOICES = list(itertools.product((1, 2, 3, 4), (1, 2, 4, 8), (3, 5)))


def layers(M, N, K):
    standard = Sequential(Conv2D(M, N, K, bias=False))
    separable = Sequential(DepthwiseConv2D(M, K, bias=False), PointwiseConv2D(M, N, bias=False))
    return standard, separable


def test_the_counts_are_those_of_the_summary(load):
    page = load("convolution")
    for choice in CHOICES:
        last = page.evaluate("choice => convolution.run(...choice).steps.at(-1)", list(choice))
        shape = (6, 6, choice[0])
        standard, separable = (summary(model, shape).multiply_adds for model in layers(*choice))
        assert (last["standard"], last["separable"]) == (standard, separable), choice


def test_every_step_counts_its_own_products(load):
    page = load("convolution")
    steps = page.evaluate("() => convolution.run(3, 4, 5).steps")
    products = np.cumsum([len(step["terms"]) for step in steps])
    assert [step["separable"] for step in steps] == products.tolist()
    assert all(step["value"] == sum(x * w for x, w in step["terms"]) for step in steps)


@pytest.mark.parametrize("choice", [(1, 1, 3), (3, 4, 3), (4, 8, 5)])
def test_the_values_are_those_of_the_operations(load, choice):
    page = load("convolution")
    run = page.evaluate("choice => convolution.run(...choice)", list(choice))
    x = np.moveaxis(np.array(run["input"], np.float64), 0, -1)[None]  # (1, H, W, C)
    depthwise = np.moveaxis(np.array(run["filters"], np.float64), 0, -1)  # (KH, KW, C)
    pointwise = np.array(run["mixes"], np.float64)  # (C, O)
    middle = ops.depthwise_conv2d(x, depthwise)
    output = ops.pointwise_conv2d(middle, pointwise).numpy()
    standard = ops.conv2d(x, depthwise[..., None] * pointwise).numpy()
    np.testing.assert_array_equal(np.moveaxis(np.array(run["middle"]), 0, -1), middle.numpy()[0])
    np.testing.assert_array_equal(np.moveaxis(np.array(run["output"]), 0, -1), output[0])
    np.testing.assert_array_equal(np.moveaxis(np.array(run["standardOutput"]), 0, -1), standard[0])


@pytest.fixture
def separable(load):
    return load("elements", "convolution", "separable", root="separable-figure")


def counters(page):
    return [int(text.replace(",", "")) for text in page.locator(".counters .number").all_text_contents()]


def cells(page, label):
    """The numbers shown in the tables whose label begins so; an empty cell has none."""
    texts = page.locator(f'svg[aria-label^="{label}"] text').all_text_contents()
    return [int(text.replace("−", "-")) for text in texts if text]


def test_steps_fill_the_tables_and_move_the_counters(separable):
    assert counters(separable) == [0, 0] and not cells(separable, "result")
    separable.get_by_role("button", name="Step").click()
    assert counters(separable) == [0, 9] and cells(separable, "result") == [4]
    assert "depthwise, row 1, column 1, channel 1" in separable.locator(".words").text_content().lower()
    separable.get_by_role("button", name="Back").click()
    assert counters(separable) == [0, 0] and not cells(separable, "result")


def test_the_keyboard_is_enough(separable):
    separable.locator("input[type=range]").focus()
    separable.keyboard.press("End")
    assert counters(separable) == [1728, 624] and len(cells(separable, "output")) == 4 * 16
    separable.get_by_label("channels out").select_option("8")
    assert counters(separable) == [0, 0]
    separable.get_by_label("kernel").press("ArrowDown")
    separable.locator("input[type=range]").press("End")
    standard, apart = (summary(model, (6, 6, 3)).multiply_adds for model in layers(3, 8, 5))
    assert counters(separable) == [standard, apart]
    assert f"{apart / standard:.3f}" in separable.locator(".formulas").text_content()


def test_playing_moves_on_and_pauses(separable):
    separable.emulate_media(reduced_motion="reduce")
    separable.get_by_role("button", name="Play").click()
    standard, apart = counters(separable)
    assert standard > 0 and standard % 108 == 0 and apart * 108 == standard * 39  # whole places at once
    separable.get_by_role("button", name="Pause").click()
    assert separable.get_by_role("button", name="Play").is_visible()


def test_a_cell_of_the_output_leads_to_its_step(separable):
    table = separable.locator('svg[aria-label="output 4"]')
    box = table.bounding_box()
    table.click(position={"x": box["width"] - 5, "y": box["height"] - 5})
    assert counters(separable) == [1728, 624]


def test_the_figure_fits_a_telephone(separable):
    assert separable.evaluate("document.documentElement.scrollWidth") <= 390
