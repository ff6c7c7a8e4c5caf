"""The cases run by tinynet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinynet as tn
from tinynet import losses, models, nn, ops, optim

from . import mobilenet
from .cases import Arrays, Case

Functions = dict[str, Callable[..., tn.Tensor]]


def run(case: Case, dtype: Any, kept: np.ndarray | None = None) -> Arrays:
    """The output of a case and the gradient of everything that has one, computed in `dtype`.

    kept: for dropout in training, which values the framework kept.
    """
    if case.kind == "optimiser":
        return {"path": _train(case, dtype)}
    leaves = {name: tn.Tensor(array.astype(dtype), requires_grad=True) for name, array in case.arrays.items()}
    if case.kind == "batch_norm":
        return _batch_norm(case, leaves, dtype)
    fixed = {name: _cast(array, dtype) for name, array in case.fixed.items()}
    if case.kind == "dropout":
        fixed["kept"] = kept
    return _differentiated(case, leaves, FUNCTIONS[case.kind](**leaves, **fixed, **case.options))


def _cast(array: np.ndarray, dtype: Any) -> np.ndarray:
    return array.astype(dtype) if array.dtype.kind == "f" else array


def _differentiated(case: Case, leaves: dict[str, tn.Tensor], output: tn.Tensor) -> Arrays:
    output.backward(case.upstream(output.shape).astype(output.dtype))
    return {"output": output.numpy(), **{f"grad {name}": leaf.grad for name, leaf in leaves.items()}}


def _batch_norm(case: Case, leaves: dict[str, tn.Tensor], dtype: Any) -> Arrays:
    """Through the layer, which keeps the running statistics."""
    layer = nn.BatchNorm(len(case.arrays["gamma"]), case.options["momentum"], case.options["eps"])
    layer.astype(dtype).train(case.options["training"])
    layer.load_state_dict({**{name: case.arrays[name] for name in ("gamma", "beta")}, **case.fixed})
    arrays = _differentiated(case, {"x": leaves["x"]}, layer(leaves["x"]))
    arrays.update((f"grad {name}", getattr(layer, name).grad) for name in ("gamma", "beta"))
    return {**arrays, "running_mean": layer.running_mean, "running_var": layer.running_var}


class _Chosen:
    """A generator whose chances keep what a framework's dropout kept."""

    def __init__(self, kept: np.ndarray) -> None:
        self.kept = kept

    def random(self, out: np.ndarray, dtype: Any) -> None:
        out[...] = self.kept


def _dropout(x, rate, training, kept):
    return ops.dropout(x, rate, _Chosen(kept)) if training else nn.Dropout(rate).eval()(x)


def _separable(x, depthwise, pointwise, bias=None, *, stride, padding):
    return ops.pointwise_conv2d(
        ops.depthwise_conv2d(x, depthwise, None, stride=stride, padding=padding), pointwise, bias
    )


FUNCTIONS: Functions = {
    "conv": lambda x, weight, bias=None, **options: ops.conv2d(x, weight, bias, **options),
    "depthwise": lambda x, weight, bias=None, **options: ops.depthwise_conv2d(x, weight, bias, **options),
    "pointwise": lambda x, weight, bias=None: ops.pointwise_conv2d(x, weight, bias),
    "separable": _separable,
    "dense": lambda x, weight, bias=None: ops.linear(x, weight, bias),
    "flatten": lambda x: nn.Flatten()(x),
    "max_pool": ops.max_pool2d,
    "avg_pool": lambda x, counted=False, **options: ops.avg_pool2d(x, **options),
    "global_average": ops.global_avg_pool2d,
    "relu": ops.relu,
    "relu6": ops.relu6,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "softmax": ops.softmax,
    "dropout": _dropout,
    "maximum": ops.maximum,
    "cross_entropy": losses.cross_entropy,
    "binary_cross_entropy": lambda logits, labels, **options: losses.binary_cross_entropy(
        logits, labels, **options
    ),
}


def _train(case: Case, dtype: Any) -> np.ndarray:
    """The parameter after each step: (steps, n)."""
    options = dict(case.options)
    rule, halfway = options.pop("rule"), options.pop("lr_halfway", None)
    parameter = nn.Parameter(case.arrays["start"].astype(dtype))
    optimizer = getattr(optim, rule)([parameter], **options)
    path = []
    gradients = case.arrays["gradients"]
    for step, gradient in enumerate(gradients):
        if halfway is not None and step == len(gradients) // 2:
            optimizer.lr = halfway
        parameter.grad = gradient.astype(dtype)
        optimizer.step()
        path.append(parameter.numpy().copy())
    return np.stack(path)


def run_mobilenet(training: bool, dtype: Any) -> Arrays:
    """Logits and loss of one batch, the gradients of everything, and the statistics after it."""
    model, names = _network(mobilenet.arrays(), dtype)
    model.train(training)
    images = tn.Tensor(mobilenet.images().astype(dtype), requires_grad=True)
    logits = model(images)
    loss = losses.cross_entropy(logits, mobilenet.LABELS)
    loss.backward()
    parameters, buffers = dict(model.named_parameters()), dict(model.named_buffers())
    found = {"logits": logits.numpy(), "loss": loss.numpy(), "grad images": images.grad}
    for name, own in names.items():
        if own in parameters:
            found[f"grad {name}"] = parameters[own].grad
        else:
            found[name] = buffers[own]
    return found


def before_relu(dtype: Any) -> list[np.ndarray]:
    """What each ReLU of MobileNet is given in training."""
    model, _ = _network(mobilenet.arrays(), dtype)
    given: list[np.ndarray] = []

    def keep(layer: nn.Module, output: tn.Tensor) -> None:
        if isinstance(layer, nn.BatchNorm):
            given.append(output.numpy())

    with tn.no_grad(), nn.observing(keep):
        model(tn.Tensor(mobilenet.images().astype(dtype)))
    return given


def _network(arrays: Arrays, dtype: Any) -> tuple[nn.Sequential, dict[str, str]]:
    """The network with these weights, and the names that it has for them."""
    model = models.build(
        "mobilenet", width=mobilenet.WIDTH, resolution=mobilenet.RESOLUTION, classes=mobilenet.CLASSES
    )
    names = {f"dense.{name}": f"layers.{len(model) - 1}.{name}" for name in ("weight", "bias")}
    for place in range(len(mobilenet.convolutions())):  # each with a batch norm and a ReLU after it
        names[f"{place}.weight"] = f"layers.{3 * place}.weight"
        for name in mobilenet.OF_NORM:
            names[f"{place}.{name}"] = f"layers.{3 * place + 1}.{name}"
    model.astype(dtype).load_state_dict({names[name]: array for name, array in arrays.items()})
    return model, names
