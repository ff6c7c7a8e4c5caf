"""The cases run by Keras's own layers, losses and optimisers. Nothing of tinynet is used."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from . import mobilenet
from .cases import Arrays, Case

VERSIONS = {"keras": keras.__version__, "tensorflow": tf.__version__}


def run(case: Case, dtype: Any) -> Arrays:
    """The output of a case and the gradient of everything that has one, computed in `dtype`."""
    _compute_in(np.dtype(dtype).name)
    if case.kind == "optimiser":
        return {"path": _train(case, dtype)}
    if case.kind in LAYERS:
        return _layer(case, dtype)
    leaves = {name: tf.Variable(array.astype(dtype)) for name, array in case.arrays.items()}
    fixed = {name: _cast(array, dtype) for name, array in case.fixed.items()}
    with tf.GradientTape() as tape:
        output = FUNCTIONS[case.kind](**leaves, **fixed, **case.options)
    return _differentiated(case, tape, output, leaves)


def _compute_in(name: str) -> None:
    """Let new layers, learning rates and losses have this dtype."""
    keras.config.set_floatx(name)
    keras.config.set_dtype_policy(name)


def _cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    return array.astype(dtype) if array.dtype.kind == "f" else array


def _differentiated(case: Case, tape: tf.GradientTape, output: tf.Tensor, leaves: dict[str, Any]) -> Arrays:
    upstream = tf.constant(case.upstream(tuple(output.shape)), output.dtype)
    gradients = tape.gradient(output, list(leaves.values()), output_gradients=upstream)
    arrays = {f"grad {name}": np.array(gradient) for name, gradient in zip(leaves, gradients, strict=True)}
    return {"output": output.numpy(), **arrays}


def _layer(case: Case, dtype: Any) -> Arrays:
    """Through a layer of Keras, which owns the weights."""
    options = dict(case.options)
    padding = options.pop("padding", "valid")
    training = options.pop("training", True)
    weights = {name: array for name, array in case.arrays.items() if name != "x"}
    layer = LAYERS[case.kind](weights, padding=padding if isinstance(padding, str) else "valid", **options)
    padder = layers.Identity() if isinstance(padding, str) else layers.ZeroPadding2D(padding)
    x = tf.Variable(case.arrays["x"].astype(dtype))
    layer.build(padder(x).shape)
    everything = [*weights.values(), *case.fixed.values()]
    layer.set_weights(
        [array.reshape(own.shape) for own, array in zip(layer.weights, everything, strict=True)]
    )
    with tf.GradientTape() as tape:
        output = layer(padder(x), training=training)
    trained = [variable.value for variable in layer.trainable_variables]
    arrays = _differentiated(case, tape, output, {"x": x, **dict(zip(weights, trained, strict=True))})
    arrays.update((f"grad {name}", arrays[f"grad {name}"].reshape(weights[name].shape)) for name in weights)
    if case.kind == "batch_norm":
        arrays["running_mean"] = layer.moving_mean.numpy()
        arrays["running_var"] = layer.moving_variance.numpy()
    return arrays


Weights = dict[str, np.ndarray]


def _conv(weights: Weights, stride=(1, 1), padding="valid") -> keras.Layer:
    height, width, _, channels = weights["weight"].shape
    return layers.Conv2D(channels, (height, width), stride, padding, use_bias="bias" in weights)


def _depthwise(weights: Weights, stride, padding) -> keras.Layer:
    height, width, _, *multiplier = weights["weight"].shape
    return layers.DepthwiseConv2D(
        (height, width), stride, padding, *(multiplier or [1]), use_bias="bias" in weights
    )


def _pointwise(weights: Weights, padding) -> keras.Layer:
    return layers.Conv2D(weights["weight"].shape[1], 1, use_bias="bias" in weights)


def _separable(weights: Weights, stride, padding) -> keras.Layer:
    channels = weights["pointwise"].shape[1]
    return layers.SeparableConv2D(
        channels, weights["depthwise"].shape[:2], stride, padding, use_bias="bias" in weights
    )


def _batch_norm(weights: Weights, momentum, eps, padding) -> keras.Layer:
    return layers.BatchNormalization(momentum=1 - momentum, epsilon=eps)


LAYERS = {
    "conv": _conv,
    "depthwise": _depthwise,
    "pointwise": _pointwise,
    "separable": _separable,
    "dense": lambda weights, padding: layers.Dense(weights["weight"].shape[1], use_bias="bias" in weights),
    "flatten": lambda weights, padding: layers.Flatten(),
    "max_pool": lambda weights, size, stride, padding: layers.MaxPooling2D(size, stride, padding),
    "avg_pool": lambda weights, size, stride, padding: layers.AveragePooling2D(size, stride, padding),
    "global_average": lambda weights, padding: layers.GlobalAveragePooling2D(),
    "batch_norm": _batch_norm,
    "relu": lambda weights, padding: layers.ReLU(),
    "relu6": lambda weights, padding: layers.ReLU(max_value=6),
    "sigmoid": lambda weights, padding: layers.Activation("sigmoid"),
    "tanh": lambda weights, padding: layers.Activation("tanh"),
    "softmax": lambda weights, padding: layers.Softmax(),
    "dropout": lambda weights, rate, padding: layers.Dropout(rate, seed=1),
}


def _cross_entropy(logits, labels, label_smoothing=0.0):
    if labels.ndim == 1:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)(labels, logits)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    return loss(labels, logits)


def _binary_cross_entropy(logits, labels, label_smoothing=0.0):
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    return loss(labels, logits)


FUNCTIONS = {
    "maximum": lambda a, b: keras.ops.maximum(a, b),
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
}


# Optimisers: the same options under Keras's names

NAMES = {"lr": "learning_rate", "alpha": "rho", "eps": "epsilon"}


def _train(case: Case, dtype: Any) -> np.ndarray:
    options = {NAMES.get(name, name): value for name, value in case.options.items()}
    rule, halfway = options.pop("rule"), options.pop("lr_halfway", None)
    if "betas" in options:
        options["beta_1"], options["beta_2"] = options.pop("betas")
    optimizer = getattr(keras.optimizers, rule)(**options)
    parameter = keras.Variable(case.arrays["start"].astype(dtype))
    path = []
    gradients = case.arrays["gradients"]
    for step, gradient in enumerate(gradients):
        if halfway is not None and step == len(gradients) // 2:
            optimizer.learning_rate = halfway
        optimizer.apply([tf.constant(gradient.astype(dtype))], [parameter])
        path.append(parameter.numpy().copy())
    return np.stack(path)


# MobileNet, as a user of Keras writes it


def run_mobilenet(training: bool, dtype: Any) -> Arrays:
    """Logits and loss of one batch, the gradients of everything, and the statistics after it."""
    _compute_in(np.dtype(dtype).name)
    network = _network(mobilenet.arrays())
    images = tf.Variable(mobilenet.images().astype(dtype))
    with tf.GradientTape() as tape:
        logits = network(images, training=training)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(mobilenet.LABELS, logits)
    trained = network.trainable_variables
    gradients = tape.gradient(loss, [images, *(variable.value for variable in trained)])
    found = {"logits": logits, "loss": loss, "grad images": gradients[0]}
    names = [f"{place}.{name}" for place in range(27) for name in ("weight", "gamma", "beta")]
    names += ["dense.weight", "dense.bias"]
    shapes = {name: array.shape for name, array in mobilenet.arrays().items()}
    for name, gradient in zip(names, gradients[1:], strict=True):
        found[f"grad {name}"] = tf.reshape(gradient, shapes[name])
    norms = [layer for layer in network.layers if isinstance(layer, layers.BatchNormalization)]
    for place, norm in enumerate(norms):
        found[f"{place}.running_mean"] = norm.moving_mean
        found[f"{place}.running_var"] = norm.moving_variance
    return {name: tensor.numpy() for name, tensor in found.items()}


def _network(arrays: Arrays) -> keras.Model:
    """MobileNet with these weights; "same" padding is Keras's own."""
    built: list[tuple[keras.Layer, list[np.ndarray]]] = []
    for place, (kind, _, wider, stride) in enumerate(mobilenet.convolutions()):
        if kind == "depthwise":
            convolution = layers.DepthwiseConv2D(3, stride, "same", use_bias=False)
        else:
            convolution = layers.Conv2D(wider, 3 if kind == "conv" else 1, stride, "same", use_bias=False)
        norm = layers.BatchNormalization(momentum=1 - mobilenet.MOMENTUM, epsilon=mobilenet.EPS)
        statistics = [arrays[f"{place}.{name}"] for name in mobilenet.OF_NORM]
        built += [(convolution, [arrays[f"{place}.weight"]]), (norm, statistics), (layers.ReLU(), [])]
    dense = [arrays["dense.weight"], arrays["dense.bias"]]
    built += [(layers.GlobalAveragePooling2D(), []), (layers.Dense(mobilenet.CLASSES), dense)]
    size = (mobilenet.RESOLUTION, mobilenet.RESOLUTION, 3)
    network = keras.Sequential([keras.Input(size), *(layer for layer, _ in built)])
    for layer, weights in built:
        layer.set_weights(
            [array.reshape(own.shape) for own, array in zip(layer.weights, weights, strict=True)]
        )
    return network


# What is not computed: defaults, shapes of weights, and how layers are drawn


def facts() -> dict[str, Any]:
    """Keras's defaults, the shapes of its weights, and what its initialisers draw."""
    _compute_in("float32")
    keras.utils.set_random_seed(0)
    norm = layers.BatchNormalization()
    rules = {name: getattr(keras.optimizers, name)().get_config() for name in ("RMSprop", "Adam", "AdamW")}
    names = ("learning_rate", "rho", "beta_1", "beta_2", "epsilon", "weight_decay")
    built = {
        "dense": (layers.Dense(600), (1, 400)),
        "conv": (layers.Conv2D(60, (3, 5)), (1, 9, 9, 40)),
        "depthwise": (layers.DepthwiseConv2D(3), (1, 9, 9, 4000)),
    }
    for layer, shape in built.values():
        layer.build(shape)
    normal = keras.initializers.HeNormal(seed=0)((400, 600)).numpy()
    probabilities = keras.losses.SparseCategoricalCrossentropy().get_config()["from_logits"]
    return {
        "batch_norm": {"momentum": norm.momentum, "eps": norm.epsilon},
        **{
            rule: {name: _plain(config[name]) for name in names if name in config}
            for rule, config in rules.items()
        },
        "shapes": {name: list(layer.kernel.shape) for name, (layer, _) in built.items()},
        "drawn": {
            name: {
                "largest": float(np.abs(layer.kernel.numpy()).max()),
                "bias": float(np.abs(layer.bias.numpy()).max()),
            }
            for name, (layer, _) in built.items()
        },
        "he_normal": {
            "deviation": float(normal.std()) * 200**0.5,  # in units of sqrt(2 / fan_in)
            "largest": float(np.abs(normal).max()) * 200**0.5,
        },
        "from_logits": probabilities,
        "one_value_normalised": layers.BatchNormalization()(np.ones((1, 2)), training=True).numpy().tolist(),
        "mobilenet": _application(),
    }


def _application() -> dict[str, Any]:
    """What Keras's own MobileNet is made of."""
    network = keras.applications.MobileNet(weights=None, alpha=0.25)

    def found(kind: type, read: Any) -> list[Any]:
        values = []
        for layer in network.layers:
            if isinstance(layer, kind) and read(layer) not in values:
                values.append(read(layer))
        return values

    return {
        "parameters": network.count_params(),
        "relu": found(layers.ReLU, lambda layer: float(layer.max_value)),
        "eps": found(layers.BatchNormalization, lambda layer: layer.epsilon),
        "dropout": found(layers.Dropout, lambda layer: layer.rate),
        "padding": found(layers.ZeroPadding2D, lambda layer: [list(side) for side in layer.padding]),
        "dense": sum(isinstance(layer, layers.Dense) for layer in network.layers),
    }


def _plain(value: Any) -> Any:
    """A default as a short number: Keras keeps 0.001 as the float32 0.0010000000474974513."""
    return value if value is None else float(np.format_float_positional(np.float32(value)))
