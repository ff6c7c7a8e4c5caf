"""The recipes themselves."""

from __future__ import annotations

import difflib

from ..errors import InputError
from .recipe import Recipe

_ALL = (
    Recipe(
        name="separable-cnn",
        sentence="Two separable convolutions on Fashion-MNIST, 10 epochs.",
        settings={
            "model": "separable-cnn",
            "data": "fashion-mnist",
            "epochs": 10,
            "batch_size": 64,
            "optimizer": "adamw",
            "lr": 0.008,
            "schedule": "one-cycle",
            "weight_decay": 0.05,
            "augment": "flip",
        },
        source="a separable CNN of two blocks after 10 epochs",
        published={
            "training_accuracy": 0.93,
            "training_loss": 0.1790,
            "test_accuracy": 0.90,
            "test_loss": 0.2968,
        },
        required={"test_accuracy": 0.90, "test_loss": 0.2968},
        seeds=(0, 1, 2),
    ),
    Recipe(
        name="simple-cnn",
        sentence="One convolution and a wide dense layer, on the first 20,000 images of Fashion-MNIST.",
        settings={
            "model": "simple-cnn",
            "data": "fashion-mnist",
            "limit": 20_000,
            "epochs": 10,
            "batch_size": 128,
        },
        source="the same network on the same 20,000 images",
        published={"test_accuracy": 0.8994},
        required={"test_accuracy": 0.8994},
    ),
    Recipe(
        name="compact-cnn",
        sentence="Three convolutions and 33,194 parameters on Fashion-MNIST, 20 epochs of Adam.",
        settings={"model": "compact-cnn", "data": "fashion-mnist", "epochs": 20, "batch_size": 32},
        source="a network of under 35,000 parameters after 20 epochs of Adam; test: its validation images",
        published={"training_accuracy": 0.92, "test_accuracy": 0.88},
        required={"training_accuracy": 0.92, "test_accuracy": 0.90, "parameters": 35_000},
    ),
    Recipe(
        name="separable-cnn-binary",
        sentence="The separable CNN with one output on 8,000 photographs of cats and dogs, 25 epochs.",
        settings={
            "model": "separable-cnn-binary",
            "data": "cats-dogs",
            "epochs": 25,
            "batch_size": 32,
            "optimizer": "adamw",
            "lr": 0.004,
            "schedule": "one-cycle",
            "weight_decay": 0.05,
            "augment": "flip,shift:0.1",
        },
        source="a separable CNN of two blocks and binary cross-entropy after 25 epochs",
        published={
            "training_accuracy": 0.83,
            "training_loss": 0.3670,
            "test_accuracy": 0.78,
            "test_loss": 0.4610,
        },
        required={"test_accuracy": 0.80, "test_loss": 0.4610},
        prediction=True,
        photographs="8,000 training and 2,000 test photographs of cats and dogs, in train/ and test/",
    ),
    Recipe(
        name="mobilenet-animals",
        sentence="MobileNet of width 1 on photographs of 128x128 pixels, 50 epochs of RMSprop.",
        settings={
            "model": "mobilenet",
            "data": "animals-10",
            "epochs": 50,
            "batch_size": 128,
            "optimizer": "rmsprop",
            "lr": 0.002,
            "schedule": "constant",
            "width": 1.0,
            "resolution": 128,
        },
        source="MobileNet on Animals-10 after 50 epochs; test: its validation images",
        published={"training_accuracy": 0.9845, "test_accuracy": 0.7555},
        photographs="photographs in one folder per class, of Animals-10 for instance",
        full_size=26_180,
    ),
    Recipe(
        name="mobilenet-28",
        sentence="The project's MobileNet for 28x28 images on Fashion-MNIST.",
        settings={
            "model": "mobilenet-28",
            "data": "fashion-mnist",
            "epochs": 36,
            "batch_size": 128,
            "optimizer": "adamw",
            "lr": 0.004,
            "schedule": "one-cycle",
            "weight_decay": 0.05,
            "label_smoothing": 0.1,
            "average": 0.999,
            "augment": "flip,crop:2,erase:0.5",
        },
        source="MobileNet with horizontal flips in the data set's own list of results",
        published={"test_accuracy": 0.950},
        required={"flipped_accuracy": 0.946, "parameters": 350_000, "minutes": 60},
        aimed={"flipped_accuracy": 0.950},
        flips=True,
    ),
    Recipe(
        name="sprint",
        sentence="From random weights to 90 % test accuracy on Fashion-MNIST, as fast as possible.",
        settings={
            "model": "compact-cnn",
            "data": "fashion-mnist",
            "epochs": 6,
            "batch_size": 128,
            "lr": 0.01,
            "schedule": "one-cycle",
        },
        source="",
        required={"seconds": 30},
        aimed={"seconds": 15},
        seeds=(0, 1, 2, 3, 4),
        target=0.90,
    ),
)
RECIPES = {recipe.name: recipe for recipe in _ALL}


def get(name: str) -> Recipe:
    """The recipe of that name. Raises InputError for an unknown one, listing what there is."""
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise InputError(f"There is no recipe called {name!r}; there are {', '.join(RECIPES)}.{hint}")
    return RECIPES[name]
