"""From words on the command line to data sets, networks, optimisers and losses."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import losses, models, optim
from ..data import SkippedFilesWarning, sources
from ..data.fashion_mnist import cache_folder
from ..errors import InputError, MissingDataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..data import Dataset
    from ..nn import Module, Sequential
    from ..train import RunFolder, Trainer

OPTIMIZERS: dict[str, tuple[Callable, float]] = {  # with the learning rate used unless one is given
    "adam": (optim.Adam, 0.001),
    "adamw": (optim.AdamW, 0.001),
    "rmsprop": (optim.RMSprop, 0.001),
    "sgd": (partial(optim.SGD, momentum=0.9), 0.01),
}
WITH_DECAY = ("adamw", "sgd")  # those whose weight decay does what the word says
SMALL = 32  # pixels: at this size a stride in a mobilenet's first layer throws too much away


def network_options(name: str, **chosen: Any) -> dict[str, Any]:
    """The chosen options (None: not chosen) under the names that the network's builder has for them.

    `resolution` is called `size` by networks for one size. Raises InputError for an unknown network
    or an option that it does not have.
    """
    known = models.options(name)
    options = {}
    for option, value in chosen.items():
        if value is None:
            continue
        own = "size" if option == "resolution" and "resolution" not in known else option
        if own not in known:
            raise InputError(
                f"{_flag(option)} does not apply to {name}, whose options are {', '.join(known)}: "
                "leave it out."
            )
        options[own] = value
    return options


def build_network(name: str, chosen: dict[str, Any], **more: Any) -> Sequential:
    """The network with the chosen options (None: not chosen) and more that were not given by flags.

    Raises InputError, in the words of the command line, if there is no such network.
    """
    options = network_options(name, **{**chosen, **more})
    try:
        return models.build(name, **options)
    except InputError as error:
        flags = [f"{_flag(option)} {value}" for option, value in chosen.items() if value is not None]
        raise InputError(f"{' '.join([name, *flags])} cannot be built: {error}") from error


def image_size(name: str, resolution: int | None) -> int:
    """The height and width to which photographs are brought for a network."""
    known = models.options(name)
    if "resolution" in known or "size" in known:
        return resolution or known.get("resolution") or known["size"]
    return models.build(name).input_shape[0]  # type: ignore[index]  # every network of the zoo has one


def checked_size(name: str, chosen: dict[str, Any]) -> int:
    """`image_size`, asked before any photograph is decoded for a network that there cannot be.

    Raises InputError, having built a network that is thrown away, where `build_for` would, whatever the data.
    """
    size = image_size(name, chosen["resolution"])
    build_network(name, chosen, **_stem(name, chosen, size))
    return size


def build_for(name: str, dataset: Dataset, chosen: dict[str, Any]) -> Sequential:
    """The network with the data set's image size, channels and number of classes.

    chosen: width, resolution and stem_stride as given, or None. Raises InputError if they contradict
    the data, or if the network tells another number of classes apart.
    """
    height, width, channels = dataset.image_shape
    if height != width:
        raise InputError(f"{name} takes square images, but those of {dataset.name} are {height}x{width}.")
    if chosen["resolution"] not in (None, height):
        raise InputError(
            f"--resolution {chosen['resolution']} does not fit {dataset.name}, whose images are "
            f"{height}x{width}: leave it out, or bring a folder of larger images."
        )
    known = models.options(name)
    classes = len(dataset.class_names)
    options = {**_stem(name, chosen, height), "in_channels": channels}
    if "resolution" in known or "size" in known:
        options["resolution"] = height
    if "classes" in known:
        options["classes"] = classes
    elif classes != 2:
        raise InputError(
            f"{name} tells two classes apart, but {dataset.name} has {classes}: choose another network."
        )
    return build_network(name, chosen, **options)


def _stem(name: str, chosen: dict[str, Any], size: int) -> dict[str, Any]:
    """A gentle stem for small images, where the network has one and none was chosen."""
    gentle = "stem_stride" in models.options(name) and chosen["stem_stride"] is None and size <= SMALL
    return {"stem_stride": 1} if gentle else {}


def _flag(option: str) -> str:
    return "--" + option.replace("_", "-")


class Loaded(NamedTuple):
    """The parts of a data set. validation: where some are held out, or are its own beside the test's.

    warning: says that another data set had to stand in.
    """

    train: Dataset
    test: Dataset
    validation: Dataset | None
    warning: str | None


def load_data(
    name: str,
    seed: int,
    limit: int | None,
    size: int,
    channels: int = 3,
    fraction: float | None = None,
    *,
    cache: bool | None = False,
    skip_bad: bool | None = False,
) -> Loaded:
    """The data set behind a name. size, channels: what the photographs of a folder are brought to.

    fraction: of the training images, held out for validation. cache: keep decoded photographs in the user's
    cache folder. skip_bad: leave out files that are no images.

    All warnings, of a damaged file in the cache for instance, go to stderr at once.
    """
    with warnings_told() as caught:
        parts = sources.load_parts(
            name, seed, size, limit, _mode(channels), fraction, cache=_cache(cache), skip_bad=bool(skip_bad)
        )
    stands_in = [str(each.message) for each in caught if each.category is sources.FallbackWarning]
    return Loaded(*parts, " ".join(stands_in) or None)


def load_test_images(
    name: str,
    seed: int,
    size: int,
    channels: int = 3,
    *,
    cache: bool | None = False,
    skip_bad: bool | None = False,
) -> Dataset:
    """The test images of `load_data` alone; of a folder, no other file is decoded."""
    with warnings_told():
        return sources.load_test(
            name, seed, size, _mode(channels), cache=_cache(cache), skip_bad=bool(skip_bad)
        )


def check_place(data: str) -> None:
    """Raise MissingDataError if the photographs on which a run was trained are not where they were."""
    if data not in sources.NAMES and isinstance(data, str) and not os.path.exists(data):
        raise MissingDataError(
            f"The run was trained on {data}, which is not there any more: say with --data where it is now."
        )


def _mode(channels: int) -> str:
    return "grey" if channels == 1 else "rgb"


def _cache(wanted: bool | None) -> Path | None:
    return cache_folder() / "images" if wanted else None


@contextmanager
def warnings_told() -> Iterator[list[warnings.WarningMessage]]:
    """Print the warnings of the block to stderr at its end, each as one line. The list is of them."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", sources.FallbackWarning)  # however often it was shown before
        warnings.simplefilter("always", SkippedFilesWarning)
        yield caught
    for warning in caught:
        print(f"tinynet: warning: {warning.message}", file=sys.stderr)


def choose_optimizer(
    name: str, model: Module, lr: float, weight_decay: float | None = None
) -> optim.Optimizer:
    """The optimiser that --optimizer names; weight_decay, where it is not None, in place of its own."""
    options = {} if weight_decay is None else {"weight_decay": weight_decay}
    return OPTIMIZERS[name][0](model.parameters(), lr, **options)


def choose_schedule(name: str, lr: float, steps: int) -> Callable[[int], float]:
    """The schedule that --schedule names, with `lr` as its highest rate, over `steps` steps."""
    if name == "constant" or steps < 2:  # one step leaves nothing to schedule
        return optim.Constant(lr)
    return optim.Cosine(lr, steps) if name == "cosine" else optim.OneCycle(lr, steps)


def check_weight_decay(optimizer: str, weight_decay: float | None) -> None:
    """Raise InputError for a weight decay where it would be something else."""
    if weight_decay is not None and optimizer not in WITH_DECAY:
        raise InputError(
            f"--weight-decay does not apply to {optimizer}, which would divide it by the size of the "
            f"gradients: add --optimizer {' or '.join(WITH_DECAY)}."
        )


def make_trainer(
    model: Module, settings: dict[str, Any], folder: RunFolder | None, progress: bool
) -> Trainer:
    """The trainer that the settings of `tinynet train` describe."""
    from ..train import Average, Trainer

    decay = settings["average"]
    return Trainer(
        model,
        choose_optimizer(settings["optimizer"], model, settings["lr"], settings["weight_decay"]),
        choose_loss(model),
        average=Average(decay) if decay else None,
        label_smoothing=settings["label_smoothing"] or 0.0,
        out=folder,
        progress=progress,
    )


def choose_loss(model: Module) -> Callable:
    """Binary cross-entropy for a network with one logit, else cross-entropy."""
    outputs = model.output_shape(model.input_shape)  # type: ignore[attr-defined]
    return losses.binary_cross_entropy if outputs == (1,) else losses.cross_entropy
