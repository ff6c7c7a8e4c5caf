"""The cases run by PyTorch. Nothing of tinynet is used: what is judged has no part in the judgement.

Tensors come in tinynet's layout and are permuted inside of the graph, so that PyTorch's own backward brings
the gradients back in that layout.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from . import mobilenet
from .cases import Arrays, Case

VERSIONS = {"torch": torch.__version__}


def run(case: Case, dtype: Any) -> Arrays:
    """The output of a case and the gradient of everything that has one, computed in `dtype`."""
    if case.kind == "optimiser":
        return {"path": _train(case, dtype)}
    leaves = {name: _tensor(array, dtype).requires_grad_() for name, array in case.arrays.items()}
    fixed = {name: _tensor(array, dtype) for name, array in case.fixed.items()}
    torch.manual_seed(0)  # for dropout
    output = FUNCTIONS[case.kind](**leaves, **fixed, **case.options)
    output.backward(_tensor(case.upstream(tuple(output.shape)), dtype))
    arrays = {"output": output, **{f"grad {name}": leaf.grad for name, leaf in leaves.items()}}
    if case.kind == "batch_norm":
        arrays.update(fixed)
    return {name: tensor.detach().numpy() for name, tensor in arrays.items()}


def _tensor(array: np.ndarray, dtype: Any) -> torch.Tensor:
    return torch.tensor(array.astype(dtype) if array.dtype.kind == "f" else array)


def _first(x: torch.Tensor) -> torch.Tensor:
    """Channels first: (N, H, W, C) -> (N, C, H, W)."""
    return x.permute(0, 3, 1, 2)


def _last(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 2, 3, 1)


def _padded(x: torch.Tensor, padding: Any) -> tuple[torch.Tensor, Any]:
    """Images (N, C, H, W) and the padding that is left to the layer, which knows only even ones."""
    if isinstance(padding, tuple):
        (top, bottom), (left, right) = padding
        return F.pad(x, (left, right, top, bottom)), 0
    return x, padding


def _conv(x, weight, bias=None, *, stride, padding):
    images, padding = _padded(_first(x), padding)
    return _last(F.conv2d(images, weight.permute(3, 2, 0, 1), bias, stride, padding))


def _depthwise(x, weight, bias=None, *, stride, padding):
    images, padding = _padded(_first(x), padding)
    height, width, channels = weight.shape[:3]
    filters = weight.reshape(height, width, -1).permute(2, 0, 1)[:, None]  # (C·M, 1, KH, KW)
    return _last(F.conv2d(images, filters, bias, stride, padding, groups=channels))


def _pointwise(x, weight, bias=None):
    return _conv(x, weight[None, None], bias, stride=1, padding=0)


def _separable(x, depthwise, pointwise, bias=None, **options):
    return _pointwise(_depthwise(x, depthwise, **options), pointwise, bias)


def _max_pool(x, size, stride, padding):
    return _last(F.max_pool2d(_first(x), size, stride, 0 if padding == "valid" else padding))


def _avg_pool(x, size, stride, padding, counted=False):
    padding = 0 if padding == "valid" else padding
    return _last(F.avg_pool2d(_first(x), size, stride, padding, count_include_pad=counted))


def _batch_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps):
    images = _first(x) if x.ndim == 4 else x
    y = F.batch_norm(images, running_mean, running_var, gamma, beta, training, momentum, eps)
    return _last(y) if x.ndim == 4 else y


def _cross_entropy(logits, labels, label_smoothing=0.0):
    return F.cross_entropy(logits, labels, label_smoothing=label_smoothing)


FUNCTIONS = {
    "conv": _conv,
    "depthwise": _depthwise,
    "pointwise": _pointwise,
    "separable": _separable,
    "dense": lambda x, weight, bias=None: F.linear(x, weight.T, bias),
    "flatten": lambda x: nn.Flatten()(_first(x)),
    "max_pool": _max_pool,
    "avg_pool": _avg_pool,
    "global_average": lambda x: nn.Flatten()(nn.AdaptiveAvgPool2d(1)(_first(x))),
    "batch_norm": _batch_norm,
    "relu": lambda x: F.relu(x),
    "relu6": lambda x: F.relu6(x),
    "sigmoid": lambda x: torch.sigmoid(x),
    "tanh": lambda x: torch.tanh(x),
    "softmax": lambda x: F.softmax(x, dim=-1),
    "dropout": lambda x, rate, training: F.dropout(x, rate, training),
    "maximum": lambda a, b: torch.maximum(a, b),
    "cross_entropy": _cross_entropy,
    "binary_cross_entropy": lambda logits, labels: F.binary_cross_entropy_with_logits(logits, labels),
}


def _train(case: Case, dtype: Any) -> np.ndarray:
    options = dict(case.options)
    rule, halfway = options.pop("rule"), options.pop("lr_halfway", None)
    parameter = nn.Parameter(_tensor(case.arrays["start"], dtype))
    optimizer = getattr(torch.optim, rule)([parameter], **options)
    path = []
    gradients = case.arrays["gradients"]
    for step, gradient in enumerate(gradients):
        if halfway is not None and step == len(gradients) // 2:
            optimizer.param_groups[0]["lr"] = halfway
        parameter.grad = _tensor(gradient, dtype)
        optimizer.step()
        path.append(parameter.detach().numpy().copy())
    return np.stack(path)


# MobileNet, as a user of PyTorch writes it


def run_mobilenet(training: bool, dtype: Any) -> Arrays:
    """Logits and loss of one batch, the gradients of everything, and the statistics after it."""
    network = _network(mobilenet.arrays(), dtype).train(training)
    images = _tensor(mobilenet.images(), dtype).requires_grad_()
    logits = network(_first(images))
    loss = F.cross_entropy(logits, torch.tensor(mobilenet.LABELS))
    loss.backward()
    found = {"logits": logits, "loss": loss, "grad images": images.grad}
    convolutions = [layer for layer in network if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in network if isinstance(layer, nn.BatchNorm2d)]
    for place, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True)):
        found[f"grad {place}.weight"] = _as_ours(convolution.weight.grad, convolution.groups)
        found[f"grad {place}.gamma"], found[f"grad {place}.beta"] = norm.weight.grad, norm.bias.grad
        found[f"{place}.running_mean"], found[f"{place}.running_var"] = norm.running_mean, norm.running_var
    found["grad dense.weight"], found["grad dense.bias"] = network[-1].weight.grad.T, network[-1].bias.grad
    return {name: tensor.detach().numpy() for name, tensor in found.items()}


def _network(arrays: Arrays, dtype: Any) -> nn.Sequential:
    """MobileNet with these weights; uneven padding is a layer of its own, as Conv2d does not know it."""
    layers: list[nn.Module] = []
    size = mobilenet.RESOLUTION
    for place, (kind, wide, wider, stride) in enumerate(mobilenet.convolutions()):
        before, after = (0, 0) if kind == "pointwise" else mobilenet.pads(size, stride)
        if before != after:
            layers.append(nn.ZeroPad2d((before, after, before, after)))
        convolution = nn.Conv2d(
            wide,
            wider,
            1 if kind == "pointwise" else 3,
            stride,
            before if before == after else 0,
            groups=wide if kind == "depthwise" else 1,
            bias=False,
        )
        norm = nn.BatchNorm2d(wider, mobilenet.EPS, mobilenet.MOMENTUM)
        weight = arrays[f"{place}.weight"].reshape(*convolution.kernel_size, -1, wider)
        convolution.weight.data = torch.tensor(weight).permute(3, 2, 0, 1).contiguous()
        statistics = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        for theirs, name in zip(statistics, mobilenet.OF_NORM, strict=True):
            theirs.data.copy_(torch.tensor(arrays[f"{place}.{name}"]))
        layers += [convolution, norm, nn.ReLU()]
        size = -(-size // stride)
    dense = nn.Linear(wider, mobilenet.CLASSES)
    dense.weight.data = torch.tensor(arrays["dense.weight"]).T.contiguous()
    dense.bias.data = torch.tensor(arrays["dense.bias"])
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense)
    return network.to(torch.float64 if dtype == np.float64 else torch.float32)


def _as_ours(filters: torch.Tensor, groups: int) -> torch.Tensor:
    """(O, C, KH, KW) as (KH, KW, C, O), (KH, KW, C) of a depthwise or (C, O) of a pointwise convolution."""
    weight = filters.permute(2, 3, 1, 0)
    if groups > 1:
        return weight[:, :, 0]
    return weight[0, 0] if weight.shape[:2] == (1, 1) else weight


# What is not computed: defaults, shapes of weights, and how layers are drawn


def facts() -> dict[str, Any]:
    """PyTorch's defaults, the shapes of its weights, and what its initialisers draw."""
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(1)
    some = [nn.Parameter(torch.zeros(1))]
    rules = {
        "RMSprop": torch.optim.RMSprop(some),
        "Adam": torch.optim.Adam(some),
        "AdamW": torch.optim.AdamW(some),
    }
    names = ("lr", "alpha", "betas", "eps", "weight_decay")
    layers = {
        "dense": nn.Linear(400, 600),
        "conv": nn.Conv2d(40, 60, (3, 5)),
        "depthwise": nn.Conv2d(4000, 4000, 3, groups=4000),
    }
    normal = nn.init.kaiming_normal_(torch.empty(600, 400), nonlinearity="relu")
    return {
        "batch_norm": {"momentum": norm.momentum, "eps": norm.eps},
        **{
            name: {key: rule.defaults[key] for key in names if key in rule.defaults}
            for name, rule in rules.items()
        },
        "shapes": {name: list(layer.weight.shape) for name, layer in layers.items()},
        "drawn": {
            name: {"largest": _largest(layer.weight), "bias": _largest(layer.bias)}
            for name, layer in layers.items()
        },
        "he_normal": {
            "deviation": float(normal.std()) * 200**0.5,  # in units of sqrt(2 / fan_in)
            "largest": float(normal.abs().max()) * 200**0.5,
        },
        "one_value_normalised": _refusal(lambda: nn.BatchNorm1d(2)(torch.ones(1, 2))),
        "same_with_stride_2": _refusal(lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same")),
        "padding_counted": nn.AvgPool2d(3).count_include_pad,
        "binary_label_smoothing": "label_smoothing" in signature(nn.BCEWithLogitsLoss).parameters,
    }


def _largest(tensor: torch.Tensor) -> float:
    return float(tensor.detach().abs().max())


def _refusal(call: Any) -> str | None:
    """The message with which a call is refused; None if it is not."""
    try:
        call()
    except ValueError as error:
        return str(error)
    return None
