"""What Keras answers to the lessons' questions, where it says something else than PyTorch.

Asked and recorded as in `_pytorch.py`: `python lessons/_keras.py` writes the answers to `_keras.json`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

Answers = dict[str, Any]
NAME, RECORD = "Keras", Path(__file__).with_suffix(".json")


def asked() -> bool:
    """Whether Keras answers now. In fast mode it does not: to import it takes longer than a lesson may."""
    hurried = os.environ.get("TINYNET_FAST", "0") not in ("", "0")
    return not hurried and all(importlib.util.find_spec(name) for name in ("keras", "tensorflow"))


def version() -> str:
    """The version that is installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow greets on stderr
    import keras

    return keras.__version__


def taped() -> Answers:
    """Lesson 2: the two graphs of the lesson, and the first one once more. A tape has no .grad to add to."""
    import tensorflow as tf

    x, start = tf.Variable(2.0), tf.Variable(1.0)
    found = []
    for _ in range(2):
        with tf.GradientTape(persistent=True) as tape:
            a = x * x
            y = a * (a + x)
            b = start + start
            c = b + b
        found.append((float(tape.gradient(y, x)), float(tape.gradient(c, start))))
    (first, doubled), (second, _) = found
    return {"dy/dx": first, "dc/da": doubled, "dy/dx, of a second tape": second}


def squeezed() -> Answers:
    """Lesson 3: predictions (50, 1) and targets (50,), in a subtraction and in a loss."""
    import keras
    import numpy as np

    points = np.linspace(-1, 1, 50)
    predictions, targets = points[:, None], 2 * points + 1
    loss = keras.losses.MeanSquaredError(dtype="float64")(targets, predictions)
    apart = keras.ops.subtract(predictions, targets)
    return {"mean squared error, by its loss": float(loss), "shape of (50, 1) - (50,)": list(apart.shape)}


def probabilities() -> Answers:
    """Lesson 5: the loss by default, of probabilities, and with from_logits=True, in float64."""
    import keras
    import numpy as np

    grid = np.arange(1.0, 25.0)
    logits = np.sin(grid).reshape(6, 4) @ np.cos(grid[:12]).reshape(4, 3)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    kind, labels = keras.losses.SparseCategoricalCrossentropy, np.array([0, 1, 2, 2, 1, 0])
    default, of_logits = (kind(dtype="float64", from_logits=choice) for choice in (False, True))
    return {
        "loss of probabilities, by default": float(default(labels, shares)),
        "loss of logits, from_logits=True": float(of_logits(labels, logits)),
        "loss of softmax twice": float(of_logits(labels, shares)),
    }


QUESTIONS = (taped, squeezed, probabilities)

if __name__ == "__main__":
    from _pytorch import write

    write(sys.modules[__name__])
