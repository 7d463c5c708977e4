"""A drawing becomes a picture like those of the data: as large, and in the place where theirs were put."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from fairtrial.parts.datasets.dataset import Images
from fairtrial.spec.arrays import NumpyArray

Way: TypeAlias = Literal["mass", "box", "plain"]
MNIST_BOX = 20 / 28  # of the picture's height: what MNIST's digits were made to fit before they were centred
LARGEST_DOT = 3  # times as large as on the pad: a dot stays a dot
ITU_R_601 = np.array([0.299, 0.587, 0.114])  # brightness of red, green, blue


class Placing(NamedTuple):
    """How the pictures of some data were placed."""

    way: Way
    words: str


# How the pictures of known data were placed, so that a drawing is placed alike; others fill the picture as they are.
PLACING = {
    "mnist": Placing(
        "mass", "Placed as MNIST's digits are: 20 of 28 pixels high or wide, centre of mass in the middle."
    ),
    "digits": Placing("box", "Placed as the data's digits are: as high or wide as the picture, in the middle."),
}
PLAIN = Placing("plain", "The pad as it is, made smaller.")


def placed(drawing: Images, shape: tuple[int, int, int], way: Way) -> Images:
    """A drawing on black (side, side, 1 or 3) as a picture (height, width, channels) for (channels, height, width).

    Each pixel is the mean of what falls into it.
    """
    channels, height, width = shape
    light = drawing.astype(np.float64) if drawing.shape[2] == channels else _with_channels(drawing, channels)
    side = len(light)
    down, across = height / side, width / side
    top, left = 0.0, 0.0
    mass = light.sum(2)
    if way != "plain" and mass.any():
        (y0, y1), (x0, x1) = _ends(mass.sum(1)), _ends(mass.sum(0))
        box = MNIST_BOX * height if way == "mass" else height
        down = across = min(box / max(y1 - y0, x1 - x0), LARGEST_DOT * height / side)
        y, x = (_mean(mass.sum(1)), _mean(mass.sum(0))) if way == "mass" else ((y0 + y1) / 2, (x0 + x1) / 2)
        top, left = height / 2 - down * y, width / 2 - across * x
    rows, columns = _overlap(height, side, down, top), _overlap(width, side, across, left)
    pixels = np.stack([rows @ light[..., c] @ columns.T for c in range(channels)], 2)
    return pixels.round().clip(0, 255).astype(np.uint8)


def _with_channels(drawing: Images, channels: int) -> NumpyArray:
    if channels == 1:
        return (drawing @ ITU_R_601)[..., None]
    return np.repeat(drawing.astype(np.float64), channels, 2)


def _ends(sums: NumpyArray) -> tuple[int, int]:
    """Where what is not 0 begins and ends."""
    places = np.flatnonzero(sums)
    return int(places[0]), int(places[-1]) + 1


def _mean(sums: NumpyArray) -> float:
    """Centre of mass along an axis."""
    return float(sums @ (np.arange(len(sums)) + 0.5) / sums.sum())


def _overlap(count: int, side: int, scale: float, start: float) -> NumpyArray:
    """How much of each of `count` pixels each of `side` fills that begin at `start` and are `scale` wide."""
    pixel, begin = np.arange(count)[:, None], start + scale * np.arange(side)
    return (np.minimum(pixel + 1, begin + scale) - np.maximum(pixel, begin)).clip(0)
