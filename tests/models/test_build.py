"""Building networks by name: what comes back and what is refused."""

import json

import numpy as np
import pytest

import tinynet as tn
from tinynet import models
from tinynet.errors import InputError

SMALL = {
    "separable-cnn": {},
    "separable-cnn-binary": {"size": 32},
    "simple-cnn": {"size": 12},
    "compact-cnn": {},
    "mobilenet": {"width": 0.25, "resolution": 32, "classes": 10},
    "mobilenet-28": {"width": 0.25},
}


def test_the_test_knows_every_network():
    assert list(SMALL) == models.names()


@pytest.mark.parametrize("name", SMALL)
def test_a_network_says_what_it_is_and_how_to_build_it_again(name):
    model = models.build(name, **SMALL[name])
    assert model.config["model"] == name
    assert model.config["options"] == {**models.options(name), **SMALL[name]}
    recipe = json.loads(json.dumps(model.config))
    again = models.build(recipe["model"], **recipe["options"])
    assert repr(again) == repr(model)
    assert again.input_shape == model.input_shape
    assert again.classes == model.classes


@pytest.mark.parametrize("name", SMALL)
def test_a_network_runs_on_the_shape_it_names_and_every_parameter_gets_a_gradient(name):
    tn.seed(0)
    model = models.build(name, **SMALL[name])
    x = np.random.default_rng(0).random((2, *model.input_shape), dtype=np.float32)
    logits = model(tn.Tensor(x))
    outputs = 1 if name.endswith("binary") else model.classes
    assert logits.shape == (2, outputs)
    assert model.output_shape(model.input_shape) == (outputs,)
    (logits * logits).sum().backward()
    without = [
        path
        for path, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []


@pytest.mark.parametrize("name", SMALL)
def test_the_seed_decides_the_weights(name):
    states = []
    for seed in (5, 5, 6):
        tn.seed(seed)
        states.append(models.build(name, **SMALL[name]).state_dict())
    first, same, other = states
    assert all(np.array_equal(first[key], same[key]) for key in first)
    weights = [key for key in first if key.endswith("weight")]
    assert not any(np.array_equal(first[key], other[key]) for key in weights)


@pytest.mark.parametrize("name", SMALL)
def test_every_network_is_described_in_one_sentence(name):
    sentence = models.describe(name)
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_numpy_numbers_are_stored_as_plain_ones():
    model = models.build("separable-cnn", classes=np.int64(3))
    assert json.dumps(model.config["options"]["classes"]) == "3"


def test_numbers_of_any_kind_are_kept_as_plain_ones(tmp_path):
    model = models.build(
        "mobilenet",
        width=np.array(0.25),
        resolution=np.int64(32),
        in_channels=np.array(1),
        classes=np.uint8(3),
    )
    kinds = {option: type(value) for option, value in model.config["options"].items()}
    assert kinds == {option: type(value) for option, value in models.options("mobilenet").items()}
    assert json.dumps(model.input_shape) == "[32, 32, 1]"
    tn.save(tmp_path / "model.npz", model)
    assert tn.load(tmp_path / "model.npz").config == model.config


def test_an_unknown_model_lists_what_there_is():
    with pytest.raises(InputError) as caught:
        models.build("mobilnet")
    message = str(caught.value)
    assert "no model called 'mobilnet'" in message
    assert all(name in message for name in models.names())
    assert message.endswith("Did you mean 'mobilenet'?")
    with pytest.raises(InputError, match="no model called 'resnet'"):
        models.describe("resnet")
    with pytest.raises(InputError, match=r"no model called \['mobilenet'\]"):
        models.build(["mobilenet"])


def test_an_unknown_option_lists_what_there_is():
    with pytest.raises(InputError) as caught:
        models.build("mobilenet", widht=0.5)
    assert str(caught.value) == (
        "There is no option of mobilenet called 'widht'; there are width, resolution, classes, "
        "in_channels, stem_stride. Did you mean 'width'?"
    )


@pytest.mark.parametrize(
    "name, options, sentence",
    [
        ("separable-cnn", {"classes": 1}, "classes expects a whole number of 2 or more, got 1"),
        ("separable-cnn", {"classes": 2.5}, "classes expects a positive whole number, got 2.5"),
        ("separable-cnn", {"in_channels": 0}, "in_channels expects"),
        ("separable-cnn", {"size": 9}, "size expects a whole number of 10 or more, got 9"),
        ("separable-cnn-binary", {"size": 0}, "size expects"),
        ("simple-cnn", {"size": 3}, "size expects a whole number of 4 or more"),
        ("compact-cnn", {"size": 17}, "size expects a whole number of 18 or more"),
        ("mobilenet", {"width": 0}, "width expects a finite number above 0, got 0"),
        ("mobilenet", {"width": -1.0}, "width expects"),
        ("mobilenet", {"width": 0.01}, "width expects 0.03125 or more, got 0.01"),
        ("mobilenet", {"classes": 0}, "classes expects"),
        ("mobilenet", {"stem_stride": 3}, "stem_stride expects 1 or 2, got 3"),
        ("mobilenet", {"resolution": 16}, "more than 16 pixels with stem_stride=2, got 16.*stem_str"),
        ("mobilenet", {"resolution": 8, "stem_stride": 1}, "more than 8 pixels .* larger images.$"),
        ("mobilenet", {"resolution": "224"}, "resolution expects a positive whole number, got '224'"),
    ],
)
def test_options_out_of_range_are_refused(name, options, sentence):
    with pytest.raises(InputError, match=sentence):
        models.build(name, **options)


@pytest.mark.parametrize(
    "name, options",
    [
        ("separable-cnn", {"size": 10}),
        ("separable-cnn-binary", {"size": 10}),
        ("simple-cnn", {"size": 4}),
        ("compact-cnn", {"size": 18}),
        ("mobilenet", {"resolution": 17, "width": 0.25}),
        ("mobilenet", {"resolution": 9, "width": 0.03125, "stem_stride": 1}),
    ],
)
def test_the_smallest_size_that_is_allowed_works(name, options):
    model = models.build(name, **options)
    x = np.zeros((1, *model.input_shape), np.float32)
    assert model.eval()(tn.Tensor(x)).shape == (1, *model.output_shape(model.input_shape))
