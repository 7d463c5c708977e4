"""Augmentations move coordinates: drawn in NumPy from the seed, they are applied to a whole batch by one gather.

A plan says for each output pixel of each image which pixel of the source it shows; -1 stands for black.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fairtrial.spec.arrays import Array, NumpyArray
from fairtrial.spec.errors import UsageError
from fairtrial.spec.registry import Registry, call


@dataclass(frozen=True)
class Plan:
    """rows (n, height) and cols (n, width) of the source; `holes` (n, height, width) are black whatever else holds.

    `turns` (n,) are the epochs over, counted for each image from 0 or from 1: a coin of the image's own decides.
    """

    turns: NumpyArray
    rows: NumpyArray
    cols: NumpyArray
    holes: NumpyArray | None = None


Augment = Callable[[np.random.Generator, Plan], Plan]
AUGMENTS: Registry[Callable[..., Augment]] = Registry("augmentation")


def make_augments(text: str) -> list[Augment]:
    """The augmentations written in `text`, in order; `none` gives none."""
    return [] if text.strip() == "none" else [call(AUGMENTS, part) for part in text.split(",")]


def identity(turns: NumpyArray, height: int, width: int) -> Plan:
    """Every pixel where it is."""
    n = len(turns)
    return Plan(turns, np.tile(np.arange(height), (n, 1)), np.tile(np.arange(width), (n, 1)))


def gather(images: Array, index: Array, plan: Plan, array: Callable[[NumpyArray], Array]) -> Array:
    """The images (n, height, width, channels) of `index`, changed as planned; `array` brings numbers to the device."""
    rows, cols = plan.rows, plan.cols
    black = (rows < 0)[:, :, None] | (cols < 0)[:, None, :]
    if plan.holes is not None:
        black |= plan.holes
    seen = images[index[:, None, None], array(rows.clip(0))[:, :, None], array(cols.clip(0))[:, None, :]]
    return seen * array(~black[..., None]) if black.any() else seen


@AUGMENTS.add("none")
def none() -> Augment:
    """Images as they are."""
    return lambda _, plan: plan


@AUGMENTS.add("flip")
def flip(probability: float = 0.5) -> Augment:
    """Mirror left and right with this probability."""
    if not 0 <= probability <= 1:
        raise UsageError(f"augmentation flip {probability:g}: the probability must lie in [0, 1]")

    def change(random: np.random.Generator, plan: Plan) -> Plan:
        mirrored = random.random((len(plan.cols), 1)) < probability
        return replace(plan, cols=np.where(mirrored, plan.cols[:, ::-1], plan.cols))

    return change


@AUGMENTS.add("alternating-flip")
def alternating_flip() -> Augment:
    """Mirror each image in every other epoch; which one begins, chance decides for each (Jordan 2024, airbench)."""
    return lambda _, plan: replace(plan, cols=np.where(plan.turns[:, None] % 2, plan.cols[:, ::-1], plan.cols))


@AUGMENTS.add("crop")
def crop(pixels: float = 4) -> Augment:
    """Pad with that many black pixels on every side, then cut the old size out at random."""
    most = _pixels("crop", pixels)

    def change(random: np.random.Generator, plan: Plan) -> Plan:
        return replace(plan, rows=_moved(random, plan.rows, most), cols=_moved(random, plan.cols, most))

    return change


@AUGMENTS.add("shift")
def shift(pixels: float = 2) -> Augment:
    """Move by up to that many pixels each way; the edge is repeated into the gap."""
    most = _pixels("shift", pixels)

    def repeated(random: np.random.Generator, lines: NumpyArray) -> NumpyArray:
        moved = _offsets(random, lines, most).clip(0, lines.shape[1] - 1)
        return np.take_along_axis(lines, moved, 1)

    def change(random: np.random.Generator, plan: Plan) -> Plan:
        return replace(plan, rows=repeated(random, plan.rows), cols=repeated(random, plan.cols))

    return change


@AUGMENTS.add("cutout")
def cutout(size: float = 8) -> Augment:
    """One black square of that size with its centre anywhere in the image (DeVries and Taylor 2017)."""
    side = _pixels("cutout", size)

    def span(random: np.random.Generator, lines: NumpyArray) -> NumpyArray:
        first = random.integers(0, lines.shape[1], (len(lines), 1)) - side // 2
        position = np.arange(lines.shape[1])
        return (position >= first) & (position < first + side)

    def change(random: np.random.Generator, plan: Plan) -> Plan:
        hole = span(random, plan.rows)[:, :, None] & span(random, plan.cols)[:, None, :]
        return replace(plan, holes=hole if plan.holes is None else plan.holes | hole)

    return change


def _pixels(name: str, value: float) -> int:
    if value < 1 or value != int(value):
        raise UsageError(f"augmentation {name} {value:g}: a whole number of pixels, at least 1")
    return int(value)


def _offsets(random: np.random.Generator, lines: NumpyArray, most: int) -> NumpyArray:
    return np.arange(lines.shape[1]) + random.integers(-most, most + 1, (len(lines), 1))


def _moved(random: np.random.Generator, lines: NumpyArray, most: int) -> NumpyArray:
    moved = _offsets(random, lines, most)
    inside = (moved >= 0) & (moved < lines.shape[1])
    return np.where(inside, np.take_along_axis(lines, moved.clip(0, lines.shape[1] - 1), 1), -1)
