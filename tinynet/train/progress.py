"""What a person sees during training: a live bar on a terminal, one line per epoch everywhere."""

from __future__ import annotations

import shutil
import sys

from tqdm import tqdm

BAR = "{desc} {percentage:3.0f}% |{bar}| {postfix[0]} {postfix[1]:,.0f} images/s, {remaining} left"
WIDEST = 100  # columns


class Progress:
    """Reports on epochs; with `show=False` it says nothing.

    The bar goes to stderr and vanishes with the epoch; the line that stays goes to stdout. So logs
    and pipes get lines only.
    """

    def __init__(self, show: bool = True) -> None:
        self.show = show
        self.live = show and sys.stderr.isatty()
        self._bar: tqdm | None = None

    def begin(self, epoch: int, last: int, images: int, done: int) -> None:
        """Epoch `epoch` of `last` begins; `done` of its `images` were seen before an interruption."""
        self._label = f"Epoch {epoch}/{last}"
        if self.live:
            # asked here, because tqdm shows nothing on terminals that do not tell their size
            columns, lines = shutil.get_terminal_size()
            self._bar = tqdm(
                total=images,
                initial=done,
                desc=self._label,
                bar_format=BAR,
                postfix=["", 0.0],
                leave=False,
                ncols=min(columns, WIDEST),
                nrows=lines,
            )

    def step(self, images: int, rate: float, loss: float, accuracy: float) -> None:
        """`images` more were seen; the loss and accuracy are those of the epoch so far."""
        if self._bar is not None:
            self._bar.postfix = [f"loss {loss:.4f}, accuracy {100 * accuracy:.2f} %,", rate]
            self._bar.update(images)

    def close(self) -> None:
        """Take the bar away, also when an epoch ends early."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def end(self, record: dict, rate: float, name: str) -> None:
        """The epoch is over: say what came out. `name` is what the validation images are called."""
        self.close()
        if self.show:
            text = f"loss {record['loss']:.4f}, accuracy {100 * record['accuracy']:.2f} %"
            if record["val_loss"] is not None:
                accuracy = 100 * record["val_accuracy"]
                text += f"; {name} loss {record['val_loss']:.4f}, accuracy {accuracy:.2f} %"
            print(f"{self._label}: {text} ({record['seconds']:.1f} s, {rate:,.0f} images/s)", flush=True)
