"""Networks to Keras and back: the same outputs and gradients, or a sentence that names all at fault."""

from contextlib import contextmanager

import numpy as np
import pytest

from tinynet import models, nn
from tinynet.errors import ConversionError, InputError
from tinynet.interop import frameworks, from_keras, keras_plan, to_keras

from .networks import SHAPES, everything, images, mobile, no_dropout, randomised, upstream, values

live = [
    pytest.mark.skipif(frameworks.missing("keras") is not None, reason=str(frameworks.missing("keras"))),
    pytest.mark.filterwarnings("ignore"),  # of TensorFlow about itself
]
CLOSE = 1e3 * np.finfo(np.float64).eps  # the sums of these networks are short


def lively(function):
    for mark in live:
        function = mark(function)
    return function


def keras_everything(shape):
    """As `everything`, but for a padding of pooling that Keras lacks."""
    return everything(shape, averaged="same")


@contextmanager
def in_double_precision():
    """Layers and inputs that Keras makes within hold float64."""
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def their_values(model, pictures, training):
    """As `values` of a model of Keras, gradients in the order of its trainable weights."""
    import tensorflow as tf

    x = tf.constant(pictures)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model(x, training=training)
    grad, grads = tape.gradient(
        y, [x, [weight.value for weight in model.trainable_weights]], tf.constant(upstream(tuple(y.shape)))
    )
    return y.numpy(), grad.numpy(), [array.numpy() for array in grads]


def assert_close(ours, theirs):
    assert ours.size == theirs.size
    assert np.abs(ours.reshape(theirs.shape) - theirs).max() <= CLOSE * max(1.0, np.abs(theirs).max())


def assert_same(model, theirs, shape, training):
    """Outputs and all gradients; parameters of both come in the order of the layers."""
    ours = values(model, images(shape), upstream)
    output, grad, grads = their_values(theirs, images(shape), training)
    assert_close(ours[0], output)
    assert_close(ours[1], grad)
    own = [array for array in ours[2].values() if array is not None]
    for one, other in zip(own, grads, strict=True):
        assert_close(one, other)


@lively
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("network", [keras_everything, mobile])
def test_a_network_computes_the_same_in_keras_and_comes_back(network, shape, training):
    model = no_dropout(randomised(network(shape))).train(training)
    theirs = to_keras(model, shape)
    assert_same(model, theirs, shape, training)
    theirs = to_keras(model, shape)  # running statistics moved, and differently
    again = from_keras(theirs).train(training)
    assert again.input_shape == shape and again[0].weight.dtype == np.float64
    for one, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert_same(again, theirs, shape, training)


@lively
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [32, 45])
def test_the_mobilenet_of_keras_computes_the_same_here(size, training):
    import keras

    keras.utils.set_random_seed(0)
    with in_double_precision():
        theirs = keras.applications.MobileNet(
            (size, size, 3), alpha=0.25, weights=None, classes=7, dropout=0.0
        )
    rng = np.random.default_rng(0)
    theirs.set_weights([array + rng.uniform(0.01, 0.1, array.shape) for array in theirs.get_weights()])
    model = from_keras(theirs).train(training)
    kinds = [type(layer).__name__ for layer in model]
    assert kinds[-4:] == ["GlobalAvgPool2D", "Dropout", "Dense", "Softmax"] and kinds.count("ReLU6") == 27
    assert model[9].padding == ((0, 1), (0, 1)) and model.input_shape == (size, size, 3)
    assert_same(model, theirs, (size, size, 3), training)


def with_activations():
    """Activations within layers, a dense layer of images, multiplied channels, a row made a pixel."""
    from keras import Sequential, layers

    return Sequential(
        [
            layers.Input((9, 11, 3)),
            layers.ZeroPadding2D(((1, 0), (2, 1))),
            layers.Conv2D(4, 3, activation="relu6"),
            layers.BatchNormalization(scale=False),
            layers.SeparableConv2D(5, 3, 2, "same", depth_multiplier=2, activation="tanh"),
            Sequential([layers.Dense(6, activation=layers.ReLU(6)), layers.AveragePooling2D(3, 2, "same")]),
            layers.Conv2D(12, 3, groups=6, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Reshape((1, 1, 12)),
            layers.Dropout(0.0),
            layers.Conv2D(4, 1, padding="same", activation="sigmoid"),
            layers.Flatten(),
            layers.Dense(3, use_bias=False, activation="softmax"),
        ]
    )


@lively
@pytest.mark.parametrize("training", [False, True])
def test_a_model_of_keras_computes_the_same_here(training):
    with in_double_precision():
        theirs = with_activations()
    rng = np.random.default_rng(0)
    theirs.set_weights([array + rng.uniform(0.1, 0.3, array.shape) for array in theirs.get_weights()])
    model = from_keras(theirs).train(training)
    assert_same(model, theirs, (9, 11, 3), training)
    assert not model[2].gamma.requires_grad


@lively
def test_frozen_layers_stay_frozen():
    model = mobile()
    model[0].weight.requires_grad = False
    theirs = to_keras(model, (8, 8, 3))
    assert not theirs.get_layer("layer_0").trainable and theirs.get_layer("layer_3").trainable
    again = from_keras(theirs)
    assert not again[0].weight.requires_grad and again[3].weight.requires_grad


@lively
def test_everything_that_cannot_be_converted_is_named_in_one_error():
    from keras import Sequential, layers

    model = Sequential(
        [
            layers.Input((12, 12, 4)),
            layers.Conv2D(8, 3, groups=2, name="grouped"),
            layers.Conv2D(8, 3, dilation_rate=2, name="dilated"),
            layers.LeakyReLU(name="leaky"),
            layers.Conv2D(8, 1, activation="gelu", name="gelu"),
            layers.BatchNormalization(axis=1, name="rows"),
            layers.BatchNormalization(trainable=False, name="frozen"),
            layers.ReLU(max_value=3, name="three"),
            layers.Reshape((3, 12, 8), name="turned"),
            layers.ZeroPadding2D(name="padding"),
            layers.MaxPooling2D(name="pooled"),
        ]
    )
    with pytest.raises(ConversionError) as refused:
        from_keras(model)
    sentence = str(refused.value)
    for part in (
        "grouped Conv2D: groups=2 of 4 channels",
        "dilated Conv2D: dilation_rate=(2, 2)",
        "leaky LeakyReLU: there is no such layer here",
        "gelu Conv2D: activation gelu",
        "rows BatchNormalization: axis=1",
        "frozen BatchNormalization: it is not trainable",
        "three ReLU: max_value=3",
        "turned Reshape: to (3, 12, 8)",
        "pooled MaxPooling2D: it follows a padding with 0",
    ):
        assert part in sentence


@lively
def test_branches_and_models_that_are_not_built_are_refused():
    import keras
    from keras import layers

    x = layers.Input((4,))
    y = layers.Dense(4, name="one")(x)
    with pytest.raises(ConversionError, match="sum takes 2 inputs, but our layers"):
        from_keras(keras.Model(x, layers.Add(name="sum")([x, y])))
    with pytest.raises(ConversionError, match="it has 1 inputs and 2 outputs"):
        from_keras(keras.Model(x, [x, y]))
    shared = layers.Dense(4, name="shared")
    with pytest.raises(ConversionError, match="shared Dense: it comes twice with the same weights"):
        from_keras(keras.Model(x, shared(shared(x))))
    with pytest.raises(InputError, match="expects a model that is built"):
        from_keras(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(InputError, match="expects a model of Keras, got dict"):
        from_keras({})


# Without Keras


def test_a_missing_keras_is_a_sentence(monkeypatch):
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: None)
    for function in (lambda: to_keras(mobile(), (8, 8, 3)), lambda: from_keras(None)):
        with pytest.raises(InputError, match="Keras is not installed .*: pip install keras tensorflow-cpu"):
            function()


def test_layers_are_named_after_their_places():
    model = nn.Sequential(nn.Conv2D(1, 2, kernel_size=3, padding=1), nn.Sequential(nn.ReLU(), nn.Softmax()))
    names = [(part.name, part.kind) for part in keras_plan.plan(model, (5, 5, 1))]
    assert names == [
        ("layer_0_padding", "ZeroPadding2D"),
        ("layer_0", "Conv2D"),
        ("layer_1_0", "ReLU"),
        ("layer_1_1", "Softmax"),
    ]
    assert keras_plan.plan(models.build("mobilenet-28"), (28, 28, 1))[9].options["padding"] == "same"


def test_everything_that_keras_lacks_is_named_in_one_error():
    model = nn.Sequential(
        nn.DepthwiseConv2D(2, kernel_size=3, stride=(1, 2)),
        nn.MaxPool2D(2, padding=1),
        nn.Conv2D(2, 2, kernel_size=1),
        nn.BatchNorm(2),
        nn.Module(),
    )
    model[2].bias.requires_grad = model[3].gamma.requires_grad = False
    model[3].gamma.data[:] = 2.0
    with pytest.raises(ConversionError) as refused:
        to_keras(model, (9, 9, 2))
    sentence = str(refused.value)
    for part in (
        "stride (1, 2), but TensorFlow takes one number",
        'its padding ((1, 1), (1, 1)) is neither "valid" nor "same"',
        "a part of its parameters is frozen",
        "its gamma is frozen",
        "layers.4 Module(): there is no such layer there",
    ):
        assert part in sentence
    with pytest.raises(InputError, match="to_keras has to know what enters"):
        to_keras(model)
    with pytest.raises(InputError, match="to_keras expects a Sequential, got Dense"):
        to_keras(nn.Dense(2, 2))
