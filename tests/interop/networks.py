"""Networks that between them have every layer, and what to hold two of the same network equal by."""

import numpy as np

import tinynet as tn
from tinynet import nn

SHAPES = {"odd": (9, 11, 3), "even": (8, 10, 3)}


def randomised(model, seed=0, dtype=np.float64):
    """The network in float64 with random values in every array, so that no two of them are alike."""
    rng = np.random.default_rng(seed)
    state = {name: rng.uniform(0.3, 1.2, array.shape) for name, array in model.state_dict().items()}
    for name, array in state.items():
        if name.endswith(("weight", "bias")):
            array -= 0.75
    model.astype(dtype).load_state_dict(state)
    return model


def everything(shape=SHAPES["odd"], averaged=((1, 1), (1, 1))):
    """Each kind of layer with paddings of each kind, nested; a batch norm of flattened rows.

    averaged: the padding of the average pooling.
    """
    features = nn.Sequential(
        nn.Conv2D(3, 4, kernel_size=3, stride=2, padding="same"),
        nn.BatchNorm(4, momentum=0.3, eps=1e-3),
        nn.ReLU6(),
        nn.Sequential(
            nn.DepthwiseConv2D(4, kernel_size=(3, 2), padding=((2, 0), (1, 1)), depth_multiplier=2),
            nn.Tanh(),
            nn.AvgPool2D(2, stride=1, padding=averaged),
        ),
        nn.PointwiseConv2D(8, 6),
        nn.MaxPool2D(3, stride=2, padding="same"),
        nn.SeparableConv2D(6, 5, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
    )
    (rows,) = features.output_shape(shape)
    return nn.Sequential(
        *features,
        nn.BatchNorm(rows),
        nn.Sigmoid(),
        nn.Dense(rows, 7),
        nn.Dropout(0.4),
        nn.Softmax(),
    )


def mobile(shape=None):
    """Strided depthwise convolutions without bias, the mean over the image, a dense layer."""
    return nn.Sequential(
        nn.Conv2D(3, 4, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm(4),
        nn.ReLU(),
        nn.DepthwiseConv2D(4, kernel_size=3, stride=2, padding="same", bias=False),
        nn.BatchNorm(4),
        nn.ReLU(),
        nn.PointwiseConv2D(4, 6, bias=False),
        nn.GlobalAvgPool2D(),
        nn.Dense(6, 3, bias=False),
    )


def no_dropout(model):
    """Which values dropout drops is drawn at random, by each framework in its own way."""
    for _, layer in model.named_modules():
        if isinstance(layer, nn.Dropout):
            layer.rate = 0.0
    return model


def values(model, images, grad_of):
    """The output, the gradient of the images and of all parameters of a network of ours.

    grad_of: from the shape of the output to the gradient that goes back.
    """
    x = tn.Tensor(images, requires_grad=True)
    model.zero_grad()
    y = model(x)
    y.backward(grad_of(y.shape))
    return y.numpy(), x.grad, {name: parameter.grad for name, parameter in model.named_parameters()}


def upstream(shape, dtype=np.float64):
    """A gradient to go back, the same for each framework."""
    return np.random.default_rng(5).standard_normal(shape).astype(dtype)


def images(shape, batch=2, dtype=np.float64):
    """Random images."""
    return np.random.default_rng(4).standard_normal((batch, *shape)).astype(dtype)
