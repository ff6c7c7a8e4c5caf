"""What PyTorch answers to the lessons' questions: asked now where it is installed, else as recorded.

`python lessons/_pytorch.py`, with PyTorch, asks every function of this file and writes the answers, with the
version, to `_pytorch.json`. A lesson shows the function with `source` and calls `compare`; `_keras.py` has
questions for Keras in the same form.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

Answers = dict[str, Any]
NAME, RECORD = "PyTorch", Path(__file__).with_suffix(".json")


def compare(question: Callable[[], Answers], ours: Mapping[str, Any], tolerance: float = 0.0) -> None:
    """Print our numbers beside the framework's, and fail if they are further apart than `tolerance`."""
    framework = sys.modules[question.__module__]
    answers, origin = _answers(question, framework)
    if missing := ours.keys() ^ answers.keys():
        raise KeyError(f"{question.__name__} and the lesson answer different questions: {sorted(missing)}")
    print(f"{'':34}{'tinynet':>12}{framework.NAME:>12}   largest difference   ({origin})")
    for name, theirs in answers.items():
        mine, theirs = np.asarray(ours[name], np.float64), np.asarray(theirs, np.float64)
        assert mine.shape == theirs.shape, f"{name}: shapes {mine.shape} and {theirs.shape}"
        difference = np.abs(mine - theirs).max(initial=0.0)
        print(f"{name:34}{mine.flat[0]:12.6g}{theirs.flat[0]:12.6g}{difference:13.1e}"
              f"{f'   of {mine.size} numbers' if mine.size > 1 else ''}")  # fmt: skip
        assert difference <= tolerance, f"{name}: {mine} and {theirs}"


def _answers(question: Callable[[], Answers], framework: ModuleType) -> tuple[Answers, str]:
    if framework.asked():
        return question(), f"{framework.NAME} {framework.version()}, now"
    record = json.loads(framework.RECORD.read_text(encoding="utf-8"))
    return record["answers"][question.__name__], f"{framework.NAME} {record['version']}, recorded"


def write(framework: ModuleType) -> None:
    """Ask a framework everything and write it down."""
    answers = {question.__name__: question() for question in framework.QUESTIONS}
    text = json.dumps({"version": framework.version(), "answers": answers}, indent=1)
    framework.RECORD.write_text(text + "\n", encoding="utf-8")


def asked() -> bool:
    """Whether PyTorch answers now."""
    return importlib.util.find_spec("torch") is not None


def version() -> str:
    """The version that is installed."""
    import torch

    return torch.__version__


def scalar() -> Answers:
    """Lesson 1: the loss of the lesson, and a number that was doubled 60 times."""
    import torch

    w, x, b = (torch.tensor(value, requires_grad=True) for value in (2.0, 3.0, -5.0))
    loss = (w * x + b) ** 2
    loss.backward()
    number = start = torch.tensor(1.0, requires_grad=True)
    for _ in range(60):
        number = number + number
    number.backward()
    gradients = {"dL/dw": w.grad.item(), "dL/dx": x.grad.item(), "dL/db": b.grad.item()}
    return {"L": loss.item(), **gradients, "after 60 additions": start.grad.item()}


def order() -> Answers:
    """Lesson 2: the two graphs, and a leaf that two backward passes reached."""
    import torch

    x, start = torch.tensor(2.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    a = x * x
    (a * (a + x)).backward()
    b = start + start
    (b + b).backward()
    answers = {"dy/dx": x.grad.item(), "dc/da": start.grad.item()}
    (x * x * (x * x + x)).backward()
    return {**answers, "dy/dx, after a second graph": x.grad.item()}


def arrays() -> Answers:
    """Lesson 3: gradients through broadcasting and through a matrix product."""
    import torch

    numbers = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64)
    x, a, w = (array.clone().requires_grad_() for array in (numbers, numbers, numbers.T / 7))
    scale = torch.tensor([10.0, 20.0, 30.0], dtype=torch.float64, requires_grad=True)
    column = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    ((x * scale) * (x - column)).sum().backward()
    ((a @ w) ** 2).sum().backward()
    answers = {"gradient of the scale": scale.grad.tolist(), "of the scaled array": x.grad.tolist()}
    answers |= {"of the left factor": a.grad.tolist(), "of the right factor": w.grad.tolist()}
    return {**answers, "shape of (50, 1) - (50,)": list((torch.ones(50, 1) - torch.ones(50)).shape)}


def checked() -> Answers:
    """Lesson 4: what PyTorch's own check says of tanh, with the right and with a wrong gradient."""
    import torch

    class WrongTanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = torch.tanh(x)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad):
            (y,) = ctx.saved_tensors
            return grad * (1 - y)

    def passes(function, *numbers):
        x = torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
        return torch.autograd.gradcheck(function, (x,), raise_exception=False)

    return {
        "tanh passes": passes(torch.tanh, 0.5, -1.0),
        "wrong tanh passes": passes(WrongTanh.apply, 0.5, -1.0),
        "wrong tanh passes at 0": passes(WrongTanh.apply, 0.0, 0.0),
        "ReLU passes at 0": passes(torch.relu, 0.0, 1.0),
    }


def classifier() -> Answers:
    """Lesson 5: a dense layer and the cross-entropy, in float64."""
    import torch
    from torch.nn import functional

    grid = torch.arange(1.0, 25.0, dtype=torch.float64)
    x, labels = torch.sin(grid).reshape(6, 4), torch.tensor([0, 1, 2, 2, 1, 0])
    layer = torch.nn.Linear(4, 3, dtype=torch.float64)
    layer.weight.data = torch.cos(grid[:12]).reshape(4, 3).T  # PyTorch keeps the transposed matrix
    layer.bias.data.zero_()
    logits = layer(x)
    loss = functional.cross_entropy(logits, labels)
    loss.backward()
    return {
        "loss": loss.item(),
        "gradient of the weight": layer.weight.grad.T.tolist(),
        "gradient of the bias": layer.bias.grad.tolist(),
        "loss of softmax twice": functional.cross_entropy(functional.softmax(logits, dim=1), labels).item(),
    }


def modes() -> Answers:
    """Lesson 9: where a tie of max pooling goes, and batch norm in both modes, in float64."""
    import torch
    from torch.nn import functional

    image = torch.tensor([[1.0, 3.0, 2.0, 2.0], [3.0, 2.0, 0.0, 2.0]]).double().requires_grad_()
    functional.max_pool2d(image[None], 2).backward(torch.tensor([[[8.0, 80.0]]]).double())
    x = torch.tensor([[1.0], [1.0], [5.0], [5.0]]).double().requires_grad_()
    layer = torch.nn.BatchNorm1d(1, dtype=torch.float64)
    y = layer(x)
    y.backward(torch.tensor([[1.0], [0.0], [0.0], [0.0]]).double())
    answers = {"gradient of max pooling": image.grad.tolist(), "batch norm in training": y.tolist()}
    answers |= {"its gradient": x.grad.tolist(), "in evaluation": layer.eval()(x).tolist()}
    return {**answers, "running mean and variance": [layer.running_mean.item(), layer.running_var.item()]}


def separable() -> Answers:
    """Lesson 10: a depthwise, then a pointwise convolution, in float64; PyTorch puts the channels first."""
    import torch
    from torch.nn import functional

    x = torch.sin(torch.arange(1.0, 51.0, dtype=torch.float64)).reshape(1, 5, 5, 2)
    d = torch.cos(torch.arange(1.0, 19.0, dtype=torch.float64)).reshape(3, 3, 2).requires_grad_()
    p = torch.cos(torch.arange(1.0, 7.0, dtype=torch.float64)).reshape(2, 3).requires_grad_()
    filters, mixing = d.permute(2, 0, 1)[:, None], p.T[:, :, None, None]  # (C, 1, KH, KW), (O, C, 1, 1)
    between = functional.conv2d(x.permute(0, 3, 1, 2), filters, padding=1, groups=2)
    y = functional.conv2d(between, mixing)
    (y**2).sum().backward()
    answers = {"output": y.permute(0, 2, 3, 1).tolist(), "gradient of the depthwise weight": d.grad.tolist()}
    return {**answers, "gradient of the pointwise weight": p.grad.tolist()}


def optimisers() -> Answers:
    """Lesson 11: ten steps of each rule with the gradients cos 0, cos 1, ..., and a schedule, in float64."""
    import math

    import torch
    from torch import optim

    rules = {
        "SGD": lambda weights: optim.SGD(weights, 0.1),
        "momentum": lambda weights: optim.SGD(weights, 0.1, momentum=0.9),
        "RMSprop": lambda weights: optim.RMSprop(weights, 0.1, alpha=0.9),
        "Adam": lambda weights: optim.Adam(weights, 0.1),
        "AdamW": lambda weights: optim.AdamW(weights, 0.1, weight_decay=0.5),
    }
    answers: Answers = {name: [] for name in rules}
    for name, make in rules.items():
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        optimizer = make([w])
        for step in range(10):
            w.grad = torch.tensor([math.cos(step)], dtype=torch.float64)
            optimizer.step()
            answers[name].append(w.item())
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=20, cycle_momentum=False)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return {**answers, "one cycle": rates}


def mobilenet_list() -> Answers:
    """Lesson 12: `mobilenet-28` in PyTorch, from its list."""
    import torch
    from torch import nn

    from tinynet.models.mobilenet import BLOCKS_28

    def build(width):
        channels = int(32 * width)
        layers = [nn.Conv2d(1, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        for out, stride in BLOCKS_28:
            wider = int(out * width)
            layers += [
                nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
                *(nn.BatchNorm2d(channels), nn.ReLU()),
                nn.Conv2d(channels, wider, 1, bias=False),
                *(nn.BatchNorm2d(wider), nn.ReLU()),
            ]
            channels = wider
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))

    answers = {
        f"parameters, width {width}": sum(parameter.numel() for parameter in build(width).parameters())
        for width in (1, 0.5, 0.25)
    }
    features = build(0.25)[:-3]
    sides = [features(torch.zeros(1, 1, size, size)).shape[2] for size in (28, 14, 7)]
    return {**answers, "last side, of 28, 14, 7": sides}


def sensitivity() -> Answers:
    """Lesson 13: the gradient of one logit by the pixels of an image, in float64."""
    import torch
    from torch.nn import functional

    grid = torch.arange(1.0, 37.0, dtype=torch.float64)
    image = torch.sin(grid).reshape(1, 1, 6, 6).requires_grad_()
    kernels, weight = torch.cos(grid[:18]).reshape(2, 1, 3, 3), torch.cos(grid[:6]).reshape(2, 3)
    features = functional.relu(functional.conv2d(image, kernels, padding=1))
    logits = features.mean(dim=(2, 3)) @ weight
    logits[0, 1].backward()
    return {"logits": logits[0].tolist(), "gradient by the pixels": image.grad[0, 0].tolist()}


def convolved() -> Answers:
    """Lesson 6: convolutions and their gradients, in float64; PyTorch has the channels before the rows."""
    import torch
    from torch.nn import functional

    def leaf(*numbers):
        return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)

    x, w = leaf([[[1, 2, 0], [0, 1, 3], [2, 1, 1]]]), leaf([[[1, -1], [2, 0]]])
    y = functional.conv2d(x, w)
    y.backward(leaf([[[1, 2], [4, 3]]]))
    row = functional.conv1d(leaf([[1, 2, 3, 4]]), leaf([[100, 10, 1]]), stride=2, padding=1)
    grid = torch.arange(1.0, 37.0, dtype=torch.float64)
    images = torch.sin(grid[:32]).reshape(1, 4, 4, 2).permute(0, 3, 1, 2).requires_grad_()
    filters = torch.cos(grid).reshape(3, 3, 2, 2).permute(3, 2, 0, 1).requires_grad_()
    (functional.conv2d(images, filters, stride=2, padding=1) ** 2).sum().backward()
    return {
        "y by hand": y[0, 0].tolist(),
        "its gradient by the filter": w.grad[0, 0].tolist(),
        "its gradient by the image": x.grad[0, 0].tolist(),
        "digits, padding=1": row.flatten().tolist(),
        "two channels: gradient by image": images.grad.permute(0, 2, 3, 1).tolist(),
        "and by the filters": filters.grad.permute(2, 3, 1, 0).tolist(),
    }


def unfolded() -> Answers:
    """Lesson 7: windows as rows, and the product with the weights, in float64."""
    import torch
    from torch.nn import functional

    images = torch.sin(torch.arange(1.0, 33, dtype=torch.float64)).reshape(1, 4, 4, 2).permute(0, 3, 1, 2)
    weight = torch.cos(torch.arange(1.0, 37, dtype=torch.float64)).reshape(3, 3, 2, 2).permute(3, 2, 0, 1)
    rows = functional.unfold(images, 3)[0].T
    return {"windows, channels first": rows.tolist(), "product": (rows @ weight.reshape(2, -1).T).tolist()}


def counted() -> Answers:
    """Lesson 8: a convolution of 3 x 3, and how often each label occurs."""
    import torch

    image = torch.sin(torch.arange(1.0, 26, dtype=torch.float64)).reshape(1, 1, 5, 5)
    weight = torch.cos(torch.arange(1.0, 10, dtype=torch.float64)).reshape(1, 1, 3, 3)
    labels = torch.arange(1000) ** 2 % 10
    return {
        "the compiled convolution": torch.nn.functional.conv2d(image, weight)[0, 0].tolist(),
        "labels counted": torch.bincount(labels, minlength=10).tolist(),
    }


QUESTIONS = (
    scalar,
    order,
    arrays,
    checked,
    classifier,
    convolved,
    unfolded,
    counted,
    modes,
    separable,
    optimisers,
    mobilenet_list,
    sensitivity,
)


if __name__ == "__main__":
    write(sys.modules[__name__])
