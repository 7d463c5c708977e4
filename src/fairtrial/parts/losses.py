"""Losses return their value and its gradient, written once for NumPy and torch; labels become targets by a table.

Legend: y outputs (n, k), t targets (n, k), n images, k outputs; every loss is a mean over the images, and the
regression losses also over the outputs, as in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from fairtrial.spec.arrays import Array, NumpyArray
from fairtrial.spec.errors import UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.registry import Registry, call

Coding: TypeAlias = Literal["index", "one-hot", "number"]
LOSSES: Registry[Callable[..., Loss]] = Registry("loss")
WILD = 10  # an outlier among numbers is up to so many times the largest label, of either sign


@dataclass(frozen=True)
class Loss:
    """Called with the array module, outputs and targets, it returns (loss, d loss / d outputs)."""

    codings: ClassVar[tuple[Coding, ...]] = ("one-hot", "number")  # the ways to code labels; the first by default

    def __call__(self, xp: Any, y: Array, t: Array) -> tuple[Array, Array]:
        raise TypeError(f"{type(self).__name__} has no value")


@LOSSES.add("cross-entropy")
@dataclass(frozen=True)
class CrossEntropy(Loss):
    """L = -1/n sum t log softmax(y); dL/dy = (softmax(y) - t) / n. For outputs that are logits."""

    codings = ("index",)

    def __call__(self, xp: Any, y: Array, t: Array) -> tuple[Array, Array]:
        z = y - xp.amax(y, 1, keepdims=True)
        e = xp.exp(z)
        s = e.sum(1, keepdims=True)
        return -(t * (z - xp.log(s))).sum() / len(y), (e / s - t) / len(y)


@LOSSES.add("nll")
@dataclass(frozen=True)
class NLL(Loss):
    """L = -1/n sum t y; dL/dy = -t / n. For outputs that are log-probabilities: the net ends in log-softmax."""

    codings = ("index",)

    def __call__(self, xp: Any, y: Array, t: Array) -> tuple[Array, Array]:
        return -(t * y).sum() / len(y), -t / len(y)


@LOSSES.add("bce")
@dataclass(frozen=True)
class BCEWithLogits(Loss):
    """L = mean(log(1 + exp(y)) - t y); dL/dy = (sigmoid(y) - t) / (n k). One yes or no for each class."""

    codings = ("one-hot",)

    def __call__(self, xp: Any, y: Array, t: Array) -> tuple[Array, Array]:
        e = xp.exp(-xp.abs(y))  # never overflows; log(1 + exp(y)) = max(y, 0) + log(1 + exp(-|y|))
        sigmoid = xp.where(y >= 0, 1.0, e) / (1 + e)
        size = y.shape[0] * y.shape[1]
        return (xp.clip(y, 0, None) - t * y + xp.log1p(e)).sum() / size, (sigmoid - t) / size


@LOSSES.add("mse")
@dataclass(frozen=True)
class MSE(Loss):
    """L = mean((y - t)^2); dL/dy = 2 (y - t) / (n k)."""

    def __call__(self, xp: Any, y: Array, t: Array) -> tuple[Array, Array]:
        r, size = y - t, y.shape[0] * y.shape[1]
        return (r * r).sum() / size, 2 * r / size


@LOSSES.add("mae")
@dataclass(frozen=True)
class MAE(Loss):
    """L = mean(|y - t|); dL/dy = sign(y - t) / (n k)."""

    def __call__(self, xp: Any, y: Array, t: Array) -> tuple[Array, Array]:
        r, size = y - t, y.shape[0] * y.shape[1]
        return xp.abs(r).sum() / size, xp.sign(r) / size


@LOSSES.add("huber")
@dataclass(frozen=True)
class Huber(Loss):
    """L = mean(r^2 / 2 if |r| <= delta else delta (|r| - delta / 2)), r = y - t; dL/dy = clip(r, -delta, delta) / n k.

    Quadratic near zero, linear far out (Huber 1964).
    """

    delta: float = 1.0

    def __call__(self, xp: Any, y: Array, t: Array) -> tuple[Array, Array]:
        r, size = y - t, y.shape[0] * y.shape[1]
        c = xp.clip(r, -self.delta, self.delta)  # L = c r - c^2 / 2 on both branches
        return (c * r - c * c / 2).sum() / size, c / size


@dataclass(frozen=True)
class Criterion:
    """A loss, the table that turns a label into its target row, and how outputs are read as a class."""

    loss: Loss
    coding: Coding
    classes: int
    table: NumpyArray  # (classes, outputs), float64; behind the classes may stand wild numbers, for outliers

    @property
    def outputs(self) -> int:
        return self.table.shape[1]

    def predict(self, xp: Any, y: Array) -> Array:
        """The class (n,) that outputs (n, k) stand for: the largest one, or the number rounded to a class."""
        if self.coding == "number":
            return xp.clip(xp.round(y[:, 0]), 0, self.classes - 1)
        return xp.argmax(y, 1)

    def correct(self, xp: Any, y: Array, labels: Array) -> Array:
        """How many of the outputs y (n, k) name the right class."""
        return (self.predict(xp, y) == labels).sum()

    def wrong(self, labels: NumpyArray, random: np.random.Generator) -> NumpyArray:
        """Rows of the table that are not those of the labels: of any wild number, or else of another class."""
        if self.coding == "number":
            return random.integers(self.classes, len(self.table), len(labels))
        return (labels + random.integers(1, self.classes, len(labels))) % self.classes


def make_criterion(recipe: Recipe, classes: int) -> Criterion:
    """The recipe's loss on targets coded as the recipe says; UsageError where the two do not go together."""
    loss = call(LOSSES, recipe.loss)
    coding = loss.codings[0] if recipe.targets == "auto" else recipe.targets
    if coding not in loss.codings:
        raise UsageError(f"targets={coding}: the loss {recipe.loss} takes targets as {' or '.join(loss.codings)}")
    if recipe.label_smoothing and not isinstance(loss, CrossEntropy):
        raise UsageError(
            f"label_smoothing={recipe.label_smoothing:g}: only the loss cross-entropy has it; with others it is 0"
        )
    if recipe.outliers and classes < 2:
        raise UsageError(f"outliers={recipe.outliers:g}: of one class no target is wrong")
    if coding == "number":
        wild = WILD * np.arange(1 - classes, classes) if recipe.outliers else []
        return Criterion(loss, coding, classes, np.array([*range(classes), *wild], np.float64)[:, None])
    table = np.eye(classes) * (1 - recipe.label_smoothing) + recipe.label_smoothing / classes
    return Criterion(loss, coding, classes, table)
