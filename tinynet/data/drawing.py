"""Drawing small grey images: shapes, layers, and how a drawing becomes something like a photograph.

Apart from `garments.py` because nothing here knows what a garment is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

SIDE = 28
SUPERSAMPLING = 4  # drawn four times as large and averaged, which gives soft edges
CLOTH = 150  # the grey a drawing gives to plain cloth, leaving room for what is lighter
_ROWS, _COLUMNS = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j].astype(np.float32)


class Layer(NamedTuple):
    """One shape of a drawing, on paper of -1..1 by -1..1, y downwards; later ones cover earlier ones.

    `shade` is 1 for plain cloth, less for seams and shadows, 0 for a hole. With a `width` the
    points are a line of that thickness, without one they are the corners of a filled polygon.
    """

    points: np.ndarray  # (K, 2), x and y
    shade: float = 1.0
    width: float = 0.0


def mirrored(right_half: list[tuple[float, float]]) -> np.ndarray:
    """A closed outline that is symmetric about x = 0, from its right half, top to bottom."""
    right = np.array(right_half)
    return np.concatenate([right, right[::-1] * (-1, 1)])


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """A rectangle."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def line(points: list | np.ndarray, shade: float, width: float) -> Layer:
    """A line through `points`."""
    return Layer(np.asarray(points, float), shade, width)


def arc(left: float, right: float, bottom: float, height: float) -> np.ndarray:
    """Half an ellipse standing on its diameter: a handle, or a strap over a foot."""
    angle = np.linspace(np.pi, 0, 9)
    x = (left + right) / 2 + (right - left) / 2 * np.cos(angle)
    return np.stack([x, bottom - height * np.sin(angle)], axis=1)


def notch(half: float, top: float, depth: float, pointed: bool) -> np.ndarray:
    """A cut from above, `depth` deep: a triangle if `pointed`, otherwise half an ellipse."""
    if pointed:
        return np.array([(-half, top), (half, top), (0, top + depth + 0.05)])
    return arc(-half, half, top, -depth)


def smooth(points: np.ndarray, rounds: int = 2) -> np.ndarray:
    """Round the corners of a closed outline: each edge keeps its middle half (Chaikin, 1974)."""
    for _ in range(rounds):
        after = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], 1)
        points = points.reshape(-1, 2)
    return points


def photograph(layers: list[Layer], rng: Generator) -> np.ndarray:
    """A drawing as a (28, 28) uint8 image: posed, drawn, woven, lit, sometimes covered, grained."""
    image = rasterise(layers, *pose(rng)) * (rng.uniform(0.4, 0.75) * weave(rng))
    angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.3)
    image *= 1 + fall * (np.cos(angle) * _COLUMNS + np.sin(angle) * _ROWS)  # light from one side
    if rng.random() < 0.12:
        top, left = rng.integers(0, SIDE - 6, 2)
        height, width = rng.integers(3, 8, 2)
        image[top : top + height, left : left + width] = rng.uniform(0, 0.6)
    image += rng.standard_normal((SIDE, SIDE), np.float32) * rng.uniform(0.01, 0.04)
    return (255 * image.clip(0, 1)).astype(np.uint8)


def pose(rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random affine map of the paper: matrix (2, 2) and shift (2,), x' = x @ matrix + shift."""
    turn, shear = rng.normal(0, 0.12), rng.normal(0, 0.08)
    width, height = rng.uniform(0.72, 0.95, 2)
    rotation = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    return np.array([(width, 0), (shear, height)]) @ rotation, rng.uniform(-0.15, 0.15, 2)


def rasterise(layers: list[Layer], matrix: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Paint the layers in order; (28, 28) float32 in which 1 is plain cloth and 0 background."""
    side = SIDE * SUPERSAMPLING
    canvas = Image.new("L", (side, side))
    draw = ImageDraw.Draw(canvas)
    stretch = np.sqrt(abs(np.linalg.det(matrix)))  # what the map does to the width of a line
    for points, shade, width in layers:
        corners = ((points @ matrix + shift + 1) * (side / 2)).ravel().tolist()
        grey = min(int(CLOTH * shade), 255)
        if width:
            draw.line(corners, grey, max(1, round(width * stretch * side / 2)), joint="curve")
        else:
            draw.polygon(corners, grey)
    return np.asarray(canvas.reduce(SUPERSAMPLING), np.float32) / CLOTH


def weave(rng: Generator) -> np.ndarray:
    """The pattern to multiply cloth with, (28, 28) or (1, 1): plain, stripes, checks or a print."""
    kind = rng.choice(["plain", "stripes", "checks", "print"], p=[0.55, 0.2, 0.1, 0.15])
    if kind == "plain":
        return np.ones((1, 1), np.float32)
    if kind == "print":
        x, y = rng.uniform(-0.3, 0.3, 2)
        radius, depth = rng.uniform(0.1, 0.3), rng.uniform(-0.6, 0.6)
        return 1 - depth * (np.hypot(_COLUMNS - x, _ROWS - y) < radius)
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    frequency, depth = rng.uniform(5, 12), rng.uniform(0.1, 0.3)
    along = np.cos(angle) * _COLUMNS + np.sin(angle) * _ROWS
    waves = np.sin(frequency * along + rng.uniform(0, 6))
    if kind == "checks":
        waves = waves * np.sin(frequency * (np.sin(angle) * _COLUMNS - np.cos(angle) * _ROWS))
    return 1 - depth * (waves > 0)
