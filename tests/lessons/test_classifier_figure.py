"""The figure that classifies: its JavaScript gives tinynet's answers, and shows them."""

from __future__ import annotations

import json

import numpy as np
import pytest

import tinynet as tn
from lessons.site import figures
from tinynet import ops
from tinynet.data.fashion_mnist import CLASS_NAMES
from tinynet.models import pretrained
from tinynet.nn import Sequential
from tinynet.report.summary import summary


def network(seed=0):
    """mobilenet-28 as after a training: random weights, and batch norms that have seen something."""
    tn.seed(seed)
    model = tn.models.build("mobilenet-28")
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, tn.nn.BatchNorm):
            layer.gamma.data[...] = rng.uniform(0.5, 1.5, layer.channels)
            layer.beta.data[...] = rng.normal(0, 0.3, layer.channels)
            layer.running_mean[...] = rng.normal(0, 0.3, layer.channels)
            layer.running_var[...] = rng.uniform(0.2, 2, layer.channels)
    return model.eval()


def script(model, images, labels):
    """The data of a page: a network, images in 0..255 and their labels."""
    shown = {"classes": CLASS_NAMES, "labels": labels, "pixels": figures.text(images)}
    weights = {"layers": figures.encoded(figures.folded(model))}
    return f"const weights = {json.dumps(weights)}; const images = {json.dumps(shown)};"


def pictures(count=4, seed=0):
    """Light shapes on black with noise, as bytes."""
    images = np.rint(tn.data.garments(count, seed).images * 255)
    return images.astype(np.uint8)


def logits(model, images):
    with tn.no_grad():
        return model(images.astype(np.float32) / np.float32(255)).numpy()


LOGITS = """() => {
    const layers = network.read(weights.layers), pixels = network.bytes(images.pixels);
    const toGrey = (value) => value / 255;
    return images.labels.map((_, index) => {
        const values = Float32Array.from(pixels.subarray(784 * index, 784 * (index + 1)), toGrey);
        return Array.from(network.logits(layers, network.image(28, 28, 1, values)));
    });
}"""


def networks():
    names = ["random", *pretrained.names()]
    return [name for name in names if name in ("random", figures.NETWORK)]


def built(name):
    return network() if name == "random" else tn.models.build(name, pretrained=True)


@pytest.mark.parametrize("name", networks())
def test_the_logits_are_tinynets(load, name):
    model, images = built(name), pictures()
    page = load("network", data=script(model, images, [0, 1, 2, 3]))
    expected = logits(model, images)
    assert np.ptp(expected, axis=1).min() > 1  # else the comparison would mean nothing
    np.testing.assert_allclose(page.evaluate(LOGITS), expected, rtol=0, atol=1e-3)


def test_the_network_counts_its_products_as_the_summary_does(load):
    model = network()
    page = load("network", data=script(model, pictures(1), [0]))
    total = page.evaluate("() => network.multiplyAdds(network.read(weights.layers), 28, 28, 1)")
    assert total == summary(model).multiply_adds


@pytest.mark.parametrize("name", networks())
def test_folding_batch_norm_changes_no_logit(name):
    model, images = built(name), pictures(2)
    x = images.astype(np.float64) / 255
    for layer in figures.folded(model):
        if layer["kind"] == "mean":
            x = x.mean(axis=(1, 2), keepdims=True)
            continue
        convolve = ops.depthwise_conv2d if layer["kind"] == "depthwise" else ops.conv2d
        w = layer["weight"].astype(np.float64)
        w = w[None, None] if w.ndim == 2 else w
        x = convolve(x, w, layer["bias"].astype(np.float64), layer["stride"], "same").numpy()
        x = np.maximum(x, 0) if layer.get("relu") else x
    np.testing.assert_allclose(x[:, 0, 0], logits(model, images), rtol=0, atol=1e-3)


def test_a_network_with_another_kind_of_layer_is_refused():
    with pytest.raises(TypeError, match="MaxPool2D"):
        figures.folded(Sequential(tn.nn.MaxPool2D(2)))


@pytest.fixture
def classifier(load):
    data = script(network(), pictures(4), [0, 1, 2, 3])
    return load("elements", "network", "classifier", root="classifier-figure", data=data)


def shown(page):
    """The bars' numbers, in percent."""
    texts = page.locator(".bars .number").all_text_contents()
    return [float(text.removesuffix(" %")) for text in texts if text]


def settled(page):
    page.evaluate("() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")


def test_a_test_image_is_classified_and_its_label_said(classifier):
    assert not shown(classifier)
    classifier.get_by_role("button", name="test image 3").click()
    settled(classifier)
    values = logits(network(), pictures(4)[2:3])[0].astype(np.float64)
    expected = 100 * np.exp(values - values.max()) / np.exp(values - values.max()).sum()
    np.testing.assert_allclose(shown(classifier), expected, rtol=0, atol=0.2)
    winner = CLASS_NAMES[int(expected.argmax())]
    verdict = classifier.locator(".verdict").text_content()
    assert verdict.startswith(f"{winner}, ") and "The label says Pullover." in verdict


def test_a_stroke_is_classified_and_can_be_cleared(classifier):
    box = classifier.locator(".pad").bounding_box()
    classifier.mouse.move(box["x"] + 60, box["y"] + 80)
    classifier.mouse.down()
    classifier.mouse.move(box["x"] + 200, box["y"] + 80)
    classifier.mouse.up()
    settled(classifier)
    assert sum(shown(classifier)) == pytest.approx(100, abs=0.6)
    assert "label" not in classifier.locator(".verdict").text_content()
    classifier.get_by_role("button", name="Clear").click()
    settled(classifier)
    assert not shown(classifier)


PIXELS = """() => {
    const canvas = document.querySelector(".pad");
    return [...canvas.getContext("2d").getImageData(0, 0, 28, 28).data].filter((_, place) => place % 4 === 0);
}"""


def drawing(page):
    settled(page)
    return np.array(page.evaluate(PIXELS)).reshape(28, 28)


def test_one_can_draw_with_the_keyboard_and_centre_it(classifier):
    pad = classifier.locator(".pad")
    for key in [" ", *["ArrowRight"] * 6, " ", *["ArrowDown"] * 9]:
        pad.press(key)
    lit = np.argwhere(drawing(classifier) > 128)
    assert lit[:, 1].min() < 14 < 19 <= lit[:, 1].max()
    classifier.get_by_role("button", name="Centre").click()
    lit = np.argwhere(drawing(classifier) > 128)
    assert np.abs(lit.min(axis=0) + lit.max(axis=0) - 27).max() <= 1
    classifier.get_by_label("rub out").check()
    pad.press(" ")  # the brush is still at the lower right
    assert len(np.argwhere(drawing(classifier) > 128)) == len(lit)


def test_all_images_are_classified_and_counted(classifier):
    classifier.get_by_role("button", name="Classify all 4").click()
    classifier.get_by_text("of 4 right").wait_for()
    found = logits(network(), pictures(4)).argmax(axis=1)
    right = int((found == [0, 1, 2, 3]).sum())
    assert classifier.locator(".result").text_content().startswith(f"{right} of 4 right")
    assert classifier.locator(".thumb.wrong").count() == 4 - right


def test_the_classifier_fits_a_telephone(classifier):
    assert classifier.evaluate("document.documentElement.scrollWidth") <= 390
