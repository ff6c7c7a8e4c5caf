"""Summary: the table of a network's layers, counted from their own account of themselves, not by running."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from ..nn import Module

Shape = tuple[int, ...]
WIDEST = 44  # characters of a layer's text


@dataclass(frozen=True)
class Row:
    """One layer: its name and text, the shape it gives for one image, and what it costs."""

    name: str
    layer: str
    output_shape: Shape
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """What a network consists of; `str(summary)` is the table.

    parameters counts all that is saved, running statistics included, as Keras does; trainable
    counts what an optimiser changes. multiply_adds is for one image: products of convolutions and
    dense layers, as the MobileNet paper counts them (arXiv 1704.04861, section 3.1).
    """

    title: str
    input_shape: Shape
    rows: list[Row] = field(repr=False)
    parameters: int
    trainable: int
    multiply_adds: int

    def __str__(self) -> str:
        header = ("Layer", "Output shape", "Parameters", "Multiply-adds")
        body = [("Input", _text(self.input_shape), "", "")]
        body += [
            (row.layer, _text(row.output_shape), f"{row.parameters:,}", f"{row.multiply_adds:,}")
            for row in self.rows
        ]
        total = ("Total", "", f"{self.parameters:,}", f"{self.multiply_adds:,}")
        widths = [max(map(len, column)) for column in zip(header, *body, total, strict=True)]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        lines = [self.title, rule, _line(header, widths), rule]
        lines += [_line(cells, widths) for cells in body]
        lines += [rule, _line(total, widths)]
        if self.trainable != self.parameters:
            rest = self.parameters - self.trainable
            lines.append(f"Trained: {self.trainable:,}; running statistics: {rest:,}")
        return "\n".join(lines)


def summary(model: Module, input_shape: Shape | None = None) -> Summary:
    """The layers of `model` with output shapes, parameters and multiply-adds, for one image.

    input_shape: (H, W, C); not needed for networks of the zoo, which know theirs.
    Raises InputError, naming the layer, if the shapes do not fit, or if a module of your own does not
    define `output_shape` and `multiply_adds`.
    """
    shape = input_shape if input_shape is not None else getattr(model, "input_shape", None)
    if shape is None:
        raise InputError("summary needs input_shape=(height, width, channels) for this model.")
    shape = tuple(shape)
    try:
        rows = list(_rows("", model, shape))
    except NotImplementedError as error:
        raise InputError(f"summary cannot count this model: {error}") from error
    config = getattr(model, "config", None)
    return Summary(
        title=config["model"] if config else type(model).__name__,
        input_shape=shape,
        rows=rows,
        parameters=model.parameter_count(),
        trainable=model.parameter_count(trainable_only=True),
        multiply_adds=sum(row.multiply_adds for row in rows),
    )


def _rows(name: str, module: Module, shape: Shape):
    """A row per layer; a Sequential inside another is opened, so that its layers are seen."""
    from ..nn import Sequential

    if not isinstance(module, Sequential):
        yield Row(
            name, _layer_text(module), tuple(module.output_shape(shape)),
            module.parameter_count(), module.multiply_adds(shape),
        )  # fmt: skip
        return
    for position, (layer, before, _) in enumerate(module.steps(shape)):
        yield from _rows(f"{name}.layers.{position}".lstrip("."), layer, before)


def _layer_text(module: Module) -> str:
    """The layer as one writes it, cut where it would make the table too wide."""
    text = repr(module)
    if "\n" in text:  # a block of layers
        return type(module).__name__
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."


def _text(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    """Text to the left, numbers to the right."""
    left = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join(left + right).rstrip()
