"""Where PyTorch and Keras disagree and which we follow: a test for each line of docs/differences.md."""

from __future__ import annotations

import numpy as np
import pytest

import tinynet as tn
from tinynet import models, nn, optim
from tinynet.errors import InputError

from . import ours
from .cases import CASES

BY_NAME = {case.name: case for case in CASES}


def run(name):
    return ours.run(BY_NAME[name], np.float64)


def alike(a, b):
    """Equal but for float64's rounding."""
    return a.shape == b.shape and np.abs(a - b).max() <= 1e-12 * np.abs(b).max()


def far(a, b):
    """So different that no float32 training could miss it."""
    return a.shape == b.shape and np.abs(a - b).max() > 1e-4 * np.abs(b).max()


# Batch normalisation

TRAINED = [case for case in CASES if case.kind == "batch_norm" and case.options["training"]]


def test_batch_norm_momentum_is_the_share_of_the_new_batch(torch, keras):
    facts = torch.about["facts"]["batch_norm"], keras.about["facts"]["batch_norm"]
    assert [fact["momentum"] for fact in facts] == [0.1, 0.99]
    assert nn.BatchNorm(1).momentum == 0.1
    for case in TRAINED:  # Keras's layers were built with 1 - momentum
        mean = ours.run(case, np.float64)["running_mean"]
        assert alike(mean, torch.of(case.name)["running_mean"])
        assert alike(mean, keras.of(case.name)["running_mean"])


def test_batch_norm_keeps_the_unbiased_variance(torch, keras):
    for case in TRAINED:
        kept = (1 - case.options["momentum"]) * case.fixed["running_var"].astype(np.float64)
        added, in_torch, in_keras = (
            arrays["running_var"] - kept
            for arrays in (ours.run(case, np.float64), torch.of(case.name), keras.of(case.name))
        )
        values = case.arrays["x"].size // len(kept)
        np.testing.assert_allclose(added, in_torch, rtol=1e-9)
        np.testing.assert_allclose(added * (values - 1) / values, in_keras, rtol=1e-9)


def test_batch_norm_eps_is_pytorchs(torch, keras):
    assert torch.about["facts"]["batch_norm"]["eps"] == nn.BatchNorm(1).eps == 1e-5
    assert keras.about["facts"]["batch_norm"]["eps"] == 1e-3


def test_one_value_per_channel_is_refused(torch, keras):
    assert "more than 1 value per channel" in torch.about["facts"]["one_value_normalised"]
    assert keras.about["facts"]["one_value_normalised"] == [[0.0, 0.0]]
    with pytest.raises(InputError, match="more than one value per channel"):
        nn.BatchNorm(2)(tn.Tensor(np.ones((1, 2), np.float32)))


# Windows and layout


def test_same_padding_at_stride_2_is_keras_s(torch, keras):
    name = "conv: stride 2, same, even size, one image, no bias"
    assert "not supported for strided convolutions" in torch.about["facts"]["same_with_stride_2"]
    assert alike(run(name)["output"], keras.of(name)["output"])


def test_one_pixel_on_each_side_is_another_convolution_than_same():
    case = BY_NAME["conv: stride 2, same, even size, one image, no bias"]
    x, weight = (tn.Tensor(case.arrays[name].astype(np.float64)) for name in ("x", "weight"))
    same, uneven, even = (
        tn.ops.conv2d(x, weight, stride=2, padding=padding).numpy()
        for padding in ("same", ((0, 1), (0, 1)), 1)
    )
    assert np.array_equal(same, uneven) and far(same, even)


def test_average_pooling_does_not_count_padding(torch, keras):
    counted = BY_NAME["avg_pool: padding counted"]
    assert far(ours.run(counted, np.float64)["output"], torch.of(counted.name)["output"])
    assert torch.about["facts"]["padding_counted"] is True
    same = "avg_pool: size 3, stride (2, 2), same"
    for name, theirs in ((same, keras), ("avg_pool: size 3, stride 2, padding 1", torch)):
        assert alike(run(name)["output"], theirs.of(name)["output"])


def test_weights_are_laid_out_as_in_keras(torch, keras):
    in_torch, in_keras = torch.about["facts"]["shapes"], keras.about["facts"]["shapes"]
    own = {
        "dense": nn.Dense(400, 600).weight.shape,
        "conv": nn.Conv2D(40, 60, (3, 5)).weight.shape,
        "depthwise": nn.DepthwiseConv2D(4000, 3).weight.shape,
    }
    assert own == {"dense": (400, 600), "conv": (3, 5, 40, 60), "depthwise": (3, 3, 4000)}
    assert in_keras == {"dense": [400, 600], "conv": [3, 5, 40, 60], "depthwise": [3, 3, 4000, 1]}
    assert in_torch == {"dense": [600, 400], "conv": [60, 40, 3, 5], "depthwise": [4000, 1, 3, 3]}


def test_flattened_images_have_the_channels_last(torch, keras):
    case = BY_NAME["flatten: images"]
    rows = run(case.name)["output"]
    assert np.array_equal(rows, keras.of(case.name)["output"])
    in_torch = torch.of(case.name)["output"]
    assert far(rows, in_torch)
    first = rows.reshape(case.arrays["x"].shape).transpose(0, 3, 1, 2)
    assert np.array_equal(first.reshape(rows.shape), in_torch)


# Where weights start


def reaches(largest, limit):
    """Whether a uniform distribution of many numbers ends at `limit`."""
    return 0.99 * limit < largest <= limit * (1 + 1e-6)


def test_weights_start_uniform_by_glorot_and_biases_at_zero(torch, keras):
    tn.seed(0)
    built = {"dense": nn.Dense(400, 600), "conv": nn.Conv2D(40, 60, (3, 5))}
    fans = {"dense": (400, 600), "conv": (600, 900)}
    for kind, layer in built.items():
        fan_in, fan_out = fans[kind]
        glorot = np.sqrt(6 / (fan_in + fan_out))
        in_torch, in_keras = (peer.about["facts"]["drawn"][kind] for peer in (torch, keras))
        assert reaches(np.abs(layer.weight.numpy()).max(), glorot) and not layer.bias.numpy().any()
        assert reaches(in_keras["largest"], glorot) and in_keras["bias"] == 0
        assert reaches(in_torch["largest"], 1 / np.sqrt(fan_in)) and in_torch["bias"] > 0


def test_a_depthwise_convolution_starts_by_the_inputs_that_an_output_sees(torch, keras):
    tn.seed(0)
    in_torch, in_keras = (peer.about["facts"]["drawn"]["depthwise"]["largest"] for peer in (torch, keras))
    layer = nn.DepthwiseConv2D(4000, 3)
    assert reaches(np.abs(layer.weight.numpy()).max(), np.sqrt(6 / (9 + 9)))
    assert reaches(in_torch, 1 / np.sqrt(9))
    assert reaches(in_keras, np.sqrt(6 / (9 * 4000 + 9)))


def test_normal_initialisers_are_not_cut_off(torch, keras):
    tn.seed(0)
    drawn = nn.init.he_normal((400, 600), 400, 600) * np.sqrt(200)
    in_torch, in_keras = (peer.about["facts"]["he_normal"] for peer in (torch, keras))
    assert np.abs(drawn).max() > 4 and in_torch["largest"] > 4
    assert in_keras["largest"] < 2.28  # two standard deviations, scaled to have variance 1 again
    for deviation in (drawn.std(), in_torch["deviation"], in_keras["deviation"]):
        assert abs(deviation - 1) < 0.01


# Optimisers


def followed(name, torch):
    """Our path, having checked that it is PyTorch's; its case."""
    case = BY_NAME[f"optimiser: {name}"]
    path = ours.run(case, np.float64)["path"]
    np.testing.assert_allclose(path, torch.of(case.name)["path"], rtol=1e-11, atol=1e-13)
    return path, case


def rewritten(case, step):
    """The path of a formula: `step(w, g, state, t)` returns the next w; state is a dict of zeros."""
    w, path = case.arrays["start"].astype(np.float64), []
    state = {"m": np.zeros(len(w)), "s": np.zeros(len(w))}
    for t, gradient in enumerate(case.arrays["gradients"].astype(np.float64), start=1):
        w = step(w, gradient, state, t)
        path.append(w)
    return np.stack(path)


def test_rmsprop_has_its_epsilon_outside_of_the_root(torch, keras):
    path, case = followed("RMSprop, a visible epsilon", torch)

    def inside(w, g, state, t):
        state["s"] = 0.875 * state["s"] + 0.125 * g * g
        return w - 0.125 * g / np.sqrt(state["s"] + 0.125)

    in_keras = keras.of(case.name)["path"]
    assert far(path, in_keras) and alike(rewritten(case, inside), in_keras)


def test_adam_has_its_epsilon_beside_the_corrected_root(torch, keras):
    path, case = followed("Adam, a visible epsilon", torch)

    def before_correction(w, g, state, t):
        state["m"] = 0.75 * state["m"] + 0.25 * g
        state["s"] = 0.9375 * state["s"] + 0.0625 * g * g
        rate = 0.125 * np.sqrt(1 - 0.9375**t) / (1 - 0.75**t)
        return w - rate * state["m"] / (np.sqrt(state["s"]) + 0.125)

    in_keras = keras.of(case.name)["path"]
    assert far(path, in_keras) and alike(rewritten(case, before_correction), in_keras)


def test_weight_decay_in_adam_is_part_of_the_gradient(torch, keras):
    path, case = followed("Adam, weight decay", torch)
    in_keras = keras.of(case.name)["path"]
    as_adamw = ours.run(
        type(case)(case.kind, case.what, case.arrays, {**case.options, "rule": "AdamW"}), np.float64
    )["path"]
    assert far(path, in_keras) and alike(as_adamw, in_keras)


def test_weight_decay_in_sgd_is_part_of_the_gradient(torch, keras):
    path, case = followed("SGD, weight decay", torch)

    def decoupled(w, g, state, t):
        state["m"] = 0.875 * state["m"] - 0.125 * g
        return w - 0.125 * 0.25 * w + state["m"]

    in_keras = keras.of(case.name)["path"]
    assert far(path, in_keras) and alike(rewritten(case, decoupled), in_keras)


def test_a_new_learning_rate_acts_on_gathered_momentum(torch, keras):
    path, case = followed("SGD, another lr halfway", torch)

    def lr_inside(w, g, state, t):
        state["m"] = 0.875 * state["m"] - (1 / 8 if t <= 10 else 1 / 64) * g
        return w + state["m"]

    in_keras = keras.of(case.name)["path"]
    assert alike(path[:10], in_keras[:10]) and far(path, in_keras)
    assert alike(rewritten(case, lr_inside), in_keras)


@pytest.mark.parametrize("rule", ["RMSprop", "Adam", "AdamW"])
def test_defaults_of_optimisers_are_pytorchs(torch, keras, rule):
    path, case = followed(f"{rule}, defaults", torch)
    assert not alike(path, keras.of(case.name)["path"])
    optimizer = getattr(optim, rule)([nn.Parameter(np.zeros(1, np.float32))])
    for name, value in torch.about["facts"][rule].items():
        assert np.array_equal(getattr(optimizer, name), value), name
    in_keras = keras.about["facts"][rule]
    expected = {"learning_rate": 0.001, "epsilon": 1e-7}
    expected |= {"rho": 0.9} if rule == "RMSprop" else {"beta_1": 0.9, "beta_2": 0.999}
    assert in_keras == {**expected, "weight_decay": 0.004 if rule == "AdamW" else None}


# Losses and single functions


def test_losses_take_logits(torch, keras):
    assert keras.about["facts"]["from_logits"] is False  # its cases say from_logits=True
    for name in ("cross_entropy: labels", "binary_cross_entropy: labels"):
        loss = run(name)["output"]
        assert alike(loss, torch.of(name)["output"]) and alike(loss, keras.of(name)["output"])


def test_the_binary_loss_smooths_labels_as_keras_does(torch, keras):
    name = "binary_cross_entropy: label smoothing"
    assert torch.about["facts"]["binary_label_smoothing"] is False
    assert alike(run(name)["grad logits"], keras.of(name)["grad logits"])


def test_equal_numbers_share_the_gradient_of_their_maximum(torch, keras):
    case = BY_NAME["maximum: ties"]
    tie = case.arrays["a"] == case.arrays["b"]
    upstream = case.upstream(tie.shape)[tie]
    assert tie.sum() > 3
    for arrays in (run(case.name), torch.of(case.name)):
        assert np.array_equal(arrays["grad a"][tie], upstream / 2)
        assert np.array_equal(arrays["grad b"][tie], upstream / 2)
    assert np.array_equal(keras.of(case.name)["grad a"][tie], upstream)


def test_mobilenet_is_the_paper_s_where_keras_s_differs(keras):
    in_keras = keras.about["facts"]["mobilenet"]
    assert in_keras["relu"] == [6.0] and in_keras["eps"] == [0.001] and in_keras["dropout"] == [0.001]
    assert in_keras["padding"] == [[[0, 1], [0, 1]]] and in_keras["dense"] == 0
    model = models.build("mobilenet", width=0.25)
    assert in_keras["parameters"] == model.parameter_count()
    kinds = {type(layer) for layer in model}
    assert nn.Dense in kinds and nn.ReLU in kinds and not kinds & {nn.ReLU6, nn.Dropout}
    assert {layer.eps for layer in model if isinstance(layer, nn.BatchNorm)} == {1e-5}


# Where one might expect a difference and finds none


def test_max_pooling_gives_a_tie_to_the_first(torch, keras):
    for image in ("few values", "one negative value"):
        for what in ("size 2", "overlapping"):
            name = f"max_pool: ties, {image}, {what}"
            gradient = run(name)["grad x"]
            assert alike(torch.of(name)["grad x"], gradient) and alike(keras.of(name)["grad x"], gradient)
    first = run("max_pool: ties, one negative value, size 2")["grad x"] != 0
    assert first[0, :4:2, :4:2].all() and first.sum() == 2 * 2 * 2


def test_relu_has_slope_zero_at_its_kinks(torch, keras):
    for kind, kinks in (("relu", [0.0]), ("relu6", [0.0, 6.0])):
        name = f"{kind}: at the kinks"
        there = np.isin(BY_NAME[name].arrays["x"], kinks)
        assert there.sum() == 1 + len(kinks)  # 0 comes with both signs
        for arrays in (run(name), torch.of(name), keras.of(name)):
            assert not arrays["grad x"][there].any()
            assert np.count_nonzero(arrays["grad x"]) >= 3


def test_an_even_kernel_is_padded_more_at_the_bottom_and_right(torch, keras):
    name = "conv: stride 1, same, even kernel, one image, no bias"
    output = run(name)["output"]
    assert alike(output, torch.of(name)["output"]) and alike(output, keras.of(name)["output"])


def test_dropout_divides_what_it_keeps(torch, keras):
    case = BY_NAME["dropout: training"]
    for arrays in (torch.of(case.name), keras.of(case.name)):
        kept = arrays["output"] != 0
        assert 0 < kept.sum() < kept.size
        np.testing.assert_allclose(
            arrays["output"][kept], case.arrays["x"][kept].astype(np.float64) / 0.6, rtol=1e-12
        )


def test_label_smoothing_spreads_over_all_classes(torch, keras):
    name = "cross_entropy: label smoothing"
    gradient = run(name)["grad logits"]
    assert alike(gradient, torch.of(name)["grad logits"])
    assert alike(gradient, keras.of(name)["grad logits"])
