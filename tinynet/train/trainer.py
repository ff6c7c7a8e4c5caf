"""Trainer: the loop that turns a network, an optimiser and a loss into a trained network.

The loop itself is `_train_epoch`, a screen long. Around it stands what makes a long run safe: checks
before the first step, Ctrl-C as a request, a loss that is not finite, the run folder, going on later.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import random
from ..arguments import below_one, positive_int
from ..errors import TinynetError, TrainingError
from ..kernels.threads import region
from ..tensor import Tensor
from . import diagnosis, resuming
from .average import Average, averaged, own_weights
from .checks import check_data, check_fit
from .epoch import EpochUnderWay
from .history import History
from .interrupt import Interrupt
from .predictions import (
    BATCH,
    as_input,
    evaluating,
    measure,
    precision,
    predict_logits,
    predicted_classes,
)
from .progress import Progress
from .run import RunFolder, describe_data, describe_parts

if TYPE_CHECKING:
    from ..data.augment import Augment
    from ..data.dataset import Dataset
    from ..data.loader import Batches
    from ..nn import Module
    from ..optim import Optimizer


class Trainer:
    """Trains `model` with `optimizer` on `loss`.

    model       maps images (N, H, W, C) to logits: (N, K) for K classes, (N, 1) for two
    optimizer   one of tn.optim, over the model's parameters
    loss        loss(logits, labels) -> a tensor with one element, the mean over the batch
    schedule    schedule(step) -> learning rate, set before each step; steps count from 0 over all epochs
    average     an `Average` of the weights, measured, saved and left in the model instead of the last ones
    label_smoothing   passed on to `loss` in training if it is above 0; what is measured is never smoothed
    out         a new folder for the record of the run, written after each epoch; to go on in an old
                one, `RunFolder.open(path)`, and then `restore(path)`
    progress    whether to report: a bar on a terminal, one line per epoch

    `history` holds the epochs so far, `interrupted` whether Ctrl-C ended the last `fit`.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Callable[..., Tensor],
        *,
        schedule: Callable[[int], float] | None = None,
        average: Average | None = None,
        label_smoothing: float = 0.0,
        out: str | Path | RunFolder | None = None,
        progress: bool = True,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.schedule = schedule
        self.average = average
        label_smoothing = below_one("label_smoothing", label_smoothing)
        self.smoothing = {"label_smoothing": label_smoothing} if label_smoothing else {}
        self.run = RunFolder.create(out) if isinstance(out, str | Path) else out
        self.progress = Progress(progress)
        self.history = History()
        self.steps = 0
        self.interrupted = False
        self._dtype = precision(model)
        self._last_validation: tuple[Dataset, np.ndarray] | None = None
        self.under_way: EpochUnderWay | None = None
        self._validation_name = "validation"

    def fit(
        self,
        train: Dataset,
        validation: Dataset | None = None,
        epochs: int = 10,
        batch_size: int = 32,
        *,
        test: Dataset | None = None,
        augment: Augment | None = None,
        until: Callable[[History], bool] | None = None,
    ) -> History:
        """Train for `epochs` epochs and return the history of all so far.

        validation: measured after each epoch. It is reported and never used to choose anything: no
            early stopping, and the weights that stay are those of the last epoch.
        test: measured once at the end, for the run folder; by default the validation images.
        augment: changes the training images, `augment(images, rng) -> images`; see `tn.data.augment`.
        until: asked after each epoch; where it says True of the history, training ends there.

        A further call goes on from here: an epoch that Ctrl-C cut short is finished first (it counts
        as one of `epochs`), and epoch numbers and the schedule continue.

        Raises InputError before the first step if data and model do not fit. Raises TrainingError,
        naming the layer, when the loss is not finite; the model then has the weights with which the
        epoch began, and those are the ones in the run folder. Ctrl-C ends training after the step
        under way, sets `interrupted` and returns; a second Ctrl-C raises KeyboardInterrupt.
        """
        last = len(self.history) + positive_int("epochs", epochs)
        batch_size = positive_int("batch_size", batch_size)
        check_fit(self.model, self.optimizer, batch_size, train=train, validation=validation, test=test)
        batches = train.batches(batch_size, shuffle=True, augment=augment)
        self.interrupted = False
        with own_weights(self.average, self.model):
            self._open_record(train, validation, test, last, batches)
            self._train(batches, validation, test, last, until)
        return self.history

    def complete(self, validation: Dataset | None, test: Dataset | None = None) -> None:
        """Measure and draw what a run lacks that was stopped after its last epoch."""
        self._validation_name = "test" if validation is test else "validation"
        self._finish(test if test is not None else validation, test is not None)

    def evaluate(self, dataset: Dataset, batch_size: int = BATCH) -> dict[str, float]:
        """`{"loss": ..., "accuracy": ...}` over a data set, in evaluation mode."""
        check_data(self.model, dataset, "dataset")
        return measure(predict_logits(self.model, dataset, batch_size), dataset, self.loss)

    def restore(self, path: str | Path) -> None:
        """Continue from a checkpoint.npz or the run folder it is in.

        Weights, optimiser, random streams, history and the place within an epoch are put back: what
        follows equals, bit for bit, a training that was never interrupted.
        """
        resuming.restore(self, path)

    @property
    def epochs_done(self) -> float:
        """How many passes over the training images were made; not whole in the middle of one."""
        epoch = self.under_way
        return len(self.history) + (epoch.images / epoch.settings[0] if epoch else 0)

    def _train(
        self,
        batches: Batches,
        validation: Dataset | None,
        test: Dataset | None,
        last: int,
        until: Callable[[History], bool] | None,
    ) -> None:
        """The epochs up to `last`, and what follows them however they end."""
        with Interrupt() as interrupt:
            try:
                while len(self.history) < last:
                    self._train_epoch(batches, validation, last, interrupt)
                    if until is not None and until(self.history):
                        break
            except KeyboardInterrupt:
                if interrupt.aborted:
                    raise
                self.interrupted = True
                self._save()
            except TinynetError as error:  # a loss that is not finite, or a file that is gone
                self._close_record("failed", error=str(error))
                raise
            finally:
                self.progress.close()
            with averaged(self.average, self.model):
                self._finish(test if test is not None else validation, test is not None)

    # One epoch

    def _train_epoch(
        self,
        batches: Batches,
        validation: Dataset | None,
        last: int,
        interrupt: Interrupt,
    ) -> None:
        """One pass over the training images, or the rest of one, then the validation."""
        settings = [len(batches.labels), batches.batch_size]
        if self.under_way is None or self.under_way.settings != settings:
            self.under_way = EpochUnderWay(settings)
        epoch = self.under_way
        number = len(self.history) + 1
        good = self.model.state_dict()
        good_average = self.average.state_dict() if self.average else {}
        self._last_validation = None
        steps_before = self.steps
        self.progress.begin(number, last, len(batches.labels), epoch.images)
        try:
            self.model.train()
            self._dtype = precision(self.model)
            clock = time.perf_counter()
            with closing(epoch.remaining(batches)) as remaining:
                for images, labels in remaining:
                    place = f"Epoch {number}, step {epoch.steps + 1}"
                    loss, correct = self._step(images, labels, place)
                    now = time.perf_counter()
                    epoch.add(len(labels), loss, correct, now - clock)
                    clock = now
                    self.progress.step(len(labels), epoch.rate, epoch.mean_loss, epoch.accuracy)
                    if interrupt.presses:  # what is saved has to be sound
                        diagnosis.require_finite_state(self.model, f"{place}, at its end")
                    interrupt.check()
            diagnosis.require_finite_state(self.model, f"Epoch {number}, after step {epoch.steps}")
            with averaged(self.average, self.model):
                measured = self._validate(validation, interrupt)
        except TrainingError:
            self.model.load_state_dict(good)
            if self.average:
                self.average.load_state_dict(good_average)
            self.steps = steps_before
            self.under_way = None
            raise
        self._end_epoch(epoch, number, measured)

    def _step(self, images: np.ndarray, labels: np.ndarray, place: str) -> tuple[float, int]:
        """One update of the weights; the loss before it and how many predictions were right."""
        if self.schedule is not None:
            self.optimizer.lr = self.schedule(self.steps)
        # Numbers that are not finite are looked for below. The region is entered once for all kernels.
        with region, np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            logits = self.model(as_input(images, self._dtype))
            loss = self.loss(logits, labels, **self.smoothing)
            value = loss.item()
            if not math.isfinite(value):
                raise diagnosis.error(self.model, images, f"{place}: the loss is {value}")
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        if self.average:
            self.average.update(self.model)
        self.steps += 1
        correct = np.count_nonzero(predicted_classes(logits._array) == labels)
        return value, int(correct)

    def _validate(self, validation: Dataset | None, interrupt: Interrupt) -> dict[str, Any]:
        if validation is None:
            return {"loss": None, "accuracy": None}
        logits = predict_logits(self.model, validation, on_batch=interrupt.check)
        measured = measure(logits, validation, self.loss)
        self._last_validation = (validation, logits)
        if not math.isfinite(measured["loss"]):
            first = int(np.argmin(np.isfinite(logits).all(axis=1)))  # the first bad image, or image 0
            ((images, _),) = validation.subset([first]).batches(1)
            place = f"Epoch {len(self.history) + 1}, validation: the loss is {measured['loss']}"
            with evaluating(self.model):
                raise diagnosis.error(self.model, images, place)
        return measured

    def _end_epoch(self, epoch: EpochUnderWay, number: int, measured: dict[str, Any]) -> None:
        self.history.append(
            {
                "epoch": number,
                "loss": epoch.mean_loss,
                "accuracy": epoch.accuracy,
                "val_loss": measured["loss"],
                "val_accuracy": measured["accuracy"],
                "seconds": epoch.seconds,
            }
        )
        self.under_way = None
        self._save()
        self.progress.end(self.history[-1], epoch.rate, self._validation_name)

    # The record

    def _open_record(
        self,
        train: Dataset,
        validation: Dataset | None,
        test: Dataset | None,
        last: int,
        batches: Batches,
    ) -> None:
        """Say in run.json what is about to happen, and make the folder one that can be resumed."""
        measured_on_test = validation is not None and validation is test
        self._validation_name = "test" if measured_on_test else "validation"
        if self.run is None:
            return
        for result in ("test", "validation"):
            self.run.record.pop(result, None)  # of weights that are about to change
        configuration = {**describe_parts(self), **batches.settings(), "epochs": last}
        self.run.update(
            status="running",
            configuration={**configuration, **self.run.record.get("configuration", {})},
            seed=random.state()["seed"],
            data=describe_data(train, validation, test),
            validation_measured_on=self._validation_name if validation is not None else None,
        )
        self._save()

    def _save(self) -> None:
        """Write what is needed to go on from here, if there is a run folder."""
        if self.run is None:
            return
        self.run.save_state(self.model, resuming.state_of(self))
        with averaged(self.average, self.model):
            self.run.save_model(self.model, self.history)

    def _finish(self, dataset: Dataset | None, is_test: bool) -> None:
        """The last measurement and the pictures; `dataset` is the test or else the validation set."""
        if self.run is None:
            return
        self.run.draw_curves(self.history, self._validation_name)
        result = {}
        if dataset is not None:
            logits = self._final_logits(dataset)
            kind = "test" if is_test else "validation"
            self.run.draw_predictions(dataset, logits, self.epochs_done, kind)
            result = {kind: {**measure(logits, dataset, self.loss), "images": len(dataset)}}
        self._close_record("interrupted" if self.interrupted else "finished", **result)

    def _final_logits(self, dataset: Dataset) -> np.ndarray:
        """Those of the last validation, if it was on these images and no step came after it."""
        if self._last_validation is not None and self._last_validation[0] is dataset:
            return self._last_validation[1]
        return predict_logits(self.model, dataset)

    def _close_record(self, status: str, **changes: Any) -> None:
        if self.run is not None:
            seconds = sum(self.history.column("seconds"))
            seconds += self.under_way.seconds if self.under_way else 0.0
            changes.setdefault("error", None)
            self.run.update(status=status, steps=self.steps, training_seconds=seconds, **changes)
