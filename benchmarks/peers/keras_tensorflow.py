"""Keras on TensorFlow as a peer: `fit` for training, and two ways of inference of which the better counts."""

from __future__ import annotations

import itertools
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers as kinds

from ..worker import timed


def build(task: dict[str, Any]) -> _Peer:
    """The task's network in Keras, with the task's weights."""
    threads = task["threads"]
    if tf.config.threading.get_intra_op_parallelism_threads() != threads:  # TensorFlow allows it once only
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    return {"training": _Training, "inference": _Inference}[task["task"]](task)


class _Peer:
    """The network and the batches."""

    versions = f"Keras {keras.__version__} on TensorFlow {tf.__version__}"

    def __init__(self, task: dict[str, Any]) -> None:
        with np.load(task["weights"]) as arrays:
            self.model = _translated(task["layers"], dict(arrays))
        self.parameters = self.model.count_params()
        with np.load(task["data"]) as data:
            self.images, self.labels = data["images"], data["labels"]

    def output(self) -> np.ndarray:
        return self.model(self.images[0, :2], training=False).numpy()


class _Training(_Peer):
    """`fit` over a data set of ready batches.

    The clock runs from the end of an epoch's first batch to the end of its last one: what `fit` does
    before and after is not counted against it. For a single step, the first, it is the whole call.
    """

    def __init__(self, task: dict[str, Any]) -> None:
        super().__init__(task)
        self.batches = tf.data.Dataset.from_tensor_slices((self.images, self.labels)).repeat().prefetch(2)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.model.compile(optimizer=keras.optimizers.Adam(task["lr"]), loss=loss)

    def run(self, steps: int) -> dict[str, float]:
        if steps == 1:
            return timed(lambda: self.model.fit(self.batches, steps_per_epoch=1, shuffle=False, verbose=0), 1)
        clock = _Clock(steps)
        self.model.fit(
            self.batches, steps_per_epoch=steps + 1, shuffle=False, verbose=0, callbacks=[clock]
        )
        return {"step": (clock.end - clock.begin) / steps}


class _Clock(keras.callbacks.Callback):
    """When the first and the last batch of an epoch ended."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self.last = last
        self.begin = self.end = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 0:
            self.begin = time.perf_counter()
        if batch == self.last:
            self.end = time.perf_counter()


class _Inference(_Peer):
    """A traced function of `model(images, training=False)`, or `predict_on_batch`."""

    def __init__(self, task: dict[str, Any]) -> None:
        super().__init__(task)
        if task["variant"] == "predict_on_batch":
            self.batches = list(self.images)
            self.call = self.model.predict_on_batch
        else:
            self.batches = [tf.constant(batch) for batch in self.images]
            self.call = tf.function(lambda images: self.model(images, training=False))

    def run(self, steps: int) -> dict[str, float]:
        batches = itertools.cycle(self.batches)
        return timed(lambda: self.call(next(batches)), steps)


def _translated(layers: list[dict[str, Any]], arrays: dict[str, np.ndarray]) -> keras.Model:
    """The same layers in Keras. All arrays are laid out as Keras has them."""
    built = [_KINDS[layer["kind"]](layer) for layer in layers]
    model = keras.Sequential([keras.Input(tuple(layers[0]["input"])), *built])
    for layer, module in zip(layers, built, strict=True):
        weights = [arrays[path] for path in layer["arrays"].values()]  # in Keras's order, too
        if layer["kind"] == "depthwise":
            weights[0] = weights[0][..., np.newaxis]
        module.set_weights(weights)
    return model


def _window(layer: dict[str, Any]) -> dict[str, Any]:
    return {
        "strides": tuple(layer["stride"]),
        "padding": layer["padding"],
        "use_bias": "bias" in layer["arrays"],
    }


def _convolution(layer: dict[str, Any]) -> keras.Layer:
    return kinds.Conv2D(layer["output"][-1], tuple(layer["size"]), **_window(layer))


_KINDS = {
    "convolution": _convolution,
    "depthwise": lambda layer: kinds.DepthwiseConv2D(tuple(layer["size"]), **_window(layer)),
    "batch_norm": lambda layer: kinds.BatchNormalization(
        momentum=1 - layer["momentum"], epsilon=layer["eps"]
    ),
    "dense": lambda layer: kinds.Dense(layer["output"][-1], use_bias="bias" in layer["arrays"]),
    "relu": lambda layer: kinds.ReLU(),
    "max_pool": lambda layer: kinds.MaxPooling2D(
        tuple(layer["size"]), tuple(layer["stride"]), layer["padding"]
    ),
    "global_average": lambda layer: kinds.GlobalAveragePooling2D(),
    "flatten": lambda layer: kinds.Flatten(),
    "dropout": lambda layer: kinds.Dropout(layer["rate"]),
}
