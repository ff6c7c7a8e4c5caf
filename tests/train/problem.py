"""A small problem that a small network learns in an instant, for all tests of training."""

import numpy as np

import tinynet as tn
from tinynet import losses, nn, optim
from tinynet.data import Dataset
from tinynet.train import Trainer


def stripes(count, seed=0, classes=3):
    """Noise of 6x6 pixels with a bright stripe whose height is the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    images = rng.random((count, 6, 6, 1), dtype=np.float32) * 0.6
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 2] += 0.3
    names = ["top", "middle", "bottom"][:classes]
    return Dataset(images, labels, names, name="stripes", source="drawn for the tests")


def network(outputs=3):
    """Everything a training state can hold: weights, running statistics, random dropout."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Dense(36, 16),
        nn.BatchNorm(16),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Dense(16, outputs),
    )


def make_trainer(seed=0, lr=0.01, **options):
    tn.seed(seed)
    model = network()
    optimizer = optim.Adam(model.parameters(), lr=lr)
    options = {"loss": losses.cross_entropy, "progress": False, **options}
    return Trainer(model, optimizer, **options)
