"""Measures: numbers about a finished run that its scores do not tell, worked out from its best weights on demand.

A measure is a metric like any score: `--metric measure/gap`. Larger is better, except for the gap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any, Protocol

import numpy as np

from fairtrial.parts.datasets import load
from fairtrial.spec.arrays import NumpyArray, Tensors
from fairtrial.spec.errors import UnknownName
from fairtrial.spec.events import Event, Fitted
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.registry import Registry

PREFIX = "measure/"
PARTS = ("running", "train", "valid", "test")


class Finished(Protocol):
    """What a measure may ask of a run that came to its end: its record has all of this."""

    @property
    def recipe(self) -> Recipe: ...

    @property
    def events(self) -> Sequence[Event]: ...

    @property
    def scores(self) -> Mapping[str, float]:
        """Of the best weights."""
        ...

    def weights(self) -> Tensors: ...

    def predict(self, images: Any) -> Any: ...


MEASURES: Registry[Callable[[Finished], float]] = Registry("measure")


def check_metric(metric: str, where: str = "") -> None:
    """UnknownName for a metric that is neither a score of a part of the data nor a measure."""
    known = [f"{part}/{score}" for part in PARTS for score in ("accuracy", "loss")] + [PREFIX + m for m in MEASURES]
    if metric not in known:
        raise UnknownName("metric", metric, known, where)


@MEASURES.add("gap")
def gap(run: Finished) -> float:
    """Accuracy on the training part minus that on the test part; the smaller, the better."""
    return run.scores.get("train/accuracy", nan) - run.scores.get("test/accuracy", nan)


@MEASURES.add("zero-weights")
def zero_weights(run: Finished) -> float:
    """Share of the weights that are exactly 0; biases and batch norm are left out."""
    return float(np.mean(np.concatenate([w.ravel() for w in matrices(run)]) == 0))


@MEASURES.add("small-weights")
def small_weights(run: Finished) -> float:
    """Share of the weights that are at most 0.001 from 0; biases and batch norm are left out."""
    return float(np.mean(np.abs(np.concatenate([w.ravel() for w in matrices(run)])) <= 0.001))


@MEASURES.add("unit-difference")
def unit_difference(run: Finished) -> float:
    """Largest difference between a weight of a hidden layer's unit and that of its first unit; 0: all units are equal.

    The last layer is left out: its units learn different classes.
    """
    return max((float(np.abs(w - w[:1]).max()) for w in matrices(run)[:-1]), default=nan)


@MEASURES.add("shift-agreement")
def shift_agreement(run: Finished) -> float:
    """Share of the test images whose predicted class stays when the image moves by a pixel: mean of four directions."""
    data = load(run.recipe.data)
    images = data.images[data.split(run.recipe.seed, run.recipe.valid).test]
    still = classes(run, images)
    return float(np.mean([classes(run, moved(images, *step)) == still for step in ((1, 0), (-1, 0), (0, 1), (0, -1))]))


@MEASURES.add("images-per-second")
def images_per_second(run: Finished) -> float:
    """Training images through forward, backward and step, per second; of this machine as busy as it was."""
    epochs = {event.epoch: event for event in run.events if isinstance(event, Fitted)}.values()
    return sum(e.images for e in epochs) / (sum(e.fit_seconds for e in epochs) or nan)


def matrices(run: Finished) -> list[NumpyArray]:
    """The weights of linear and convolution layers, in the order of the net."""
    weights = {name: w for name, w in run.weights().items() if w.ndim > 1 and not name.startswith("input/")}
    return [weights[name] for name in sorted(weights, key=lambda name: [part.zfill(6) for part in name.split(".")])]


def classes(run: Finished, images: NumpyArray) -> NumpyArray:
    """The most likely class of each image."""
    return np.argmax(run.predict(images), 1)


def moved(images: NumpyArray, down: int, right: int) -> NumpyArray:
    """Images (n, height, width, channels) moved by whole pixels; what comes in at the edge repeats the edge."""
    rows, columns = np.arange(images.shape[1]) - down, np.arange(images.shape[2]) - right
    return images[:, rows.clip(0, images.shape[1] - 1)][:, :, columns.clip(0, images.shape[2] - 1)]
