"""Measures: numbers about a finished run that its scores do not tell, worked out from its best weights on demand.

A measure is a metric like any score: `--metric measure/gap`. Larger is better, unless it is registered as `lower`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any, Protocol, TypeAlias

import numpy as np

from fairtrial.parts.datasets import load
from fairtrial.spec.arrays import NumpyArray, Tensors
from fairtrial.spec.errors import UnknownName
from fairtrial.spec.events import Event, Fitted
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.registry import Added, Registry

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

    def outputs(self, images: Any) -> Any: ...


Measure: TypeAlias = Callable[[Finished], float]


class Measures(Registry[Measure]):
    """Measures by name; of those in `lower` the smaller value is the better one."""

    def __init__(self) -> None:
        super().__init__("measure")
        self.lower: set[str] = set()

    def add(self, name: str, *, lower: bool = False) -> Callable[[Added], Added]:
        """Decorator: register the measure under `name`."""
        if lower:
            self.lower.add(name)
        return super().add(name)


MEASURES = Measures()


def lower_is_better(metric: str) -> bool:
    """Whether the smaller of two values of the metric is the better one: losses, and measures that say so."""
    return metric.endswith("/loss") or (metric.startswith(PREFIX) and metric.removeprefix(PREFIX) in MEASURES.lower)


def check_metric(metric: str, where: str = "") -> None:
    """UnknownName for a metric that is neither a score of a part of the data nor a measure."""
    known = [f"{part}/{score}" for part in PARTS for score in ("accuracy", "loss")] + [PREFIX + m for m in MEASURES]
    if metric not in known:
        raise UnknownName("metric", metric, known, where)


@MEASURES.add("gap", lower=True)
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
    return agreement(run, 1)


@MEASURES.add("shift-agreement-2")
def shift_agreement_2(run: Finished) -> float:
    """The same share when the image moves by two pixels."""
    return agreement(run, 2)


@MEASURES.add("absolute-error", lower=True)
def absolute_error(run: Finished) -> float:
    """Mean distance on the test part between the label and the number predicted, not rounded, or the class."""
    images, labels = test_part(run)
    y = run.outputs(images)
    return float(np.abs((y[:, 0] if y.shape[1] == 1 else np.argmax(y, 1)) - labels).mean())


@MEASURES.add("images-per-second")
def images_per_second(run: Finished) -> float:
    """Training images through forward, backward and step, per second; of this machine as busy as it was."""
    epochs = {event.epoch: event for event in run.events if isinstance(event, Fitted)}.values()
    return sum(e.images for e in epochs) / (sum(e.fit_seconds for e in epochs) or nan)


def matrices(run: Finished) -> list[NumpyArray]:
    """The weights of linear and convolution layers, in the order of the net."""
    weights = {name: w for name, w in run.weights().items() if w.ndim > 1 and not name.startswith("input/")}
    return [weights[name] for name in sorted(weights, key=lambda name: [part.zfill(6) for part in name.split(".")])]


def test_part(run: Finished) -> tuple[NumpyArray, NumpyArray]:
    """Images and labels that the run was tested on."""
    data = load(run.recipe.data, skip_bad=run.recipe.skip_bad)
    rows = data.split(run.recipe.seed, run.recipe.valid).test
    return data.images[rows], data.labels[rows]


def agreement(run: Finished, pixels: int) -> float:
    """Share of the test images whose predicted class stays when the image moves: mean of four directions."""
    images, _ = test_part(run)
    still, ways = classes(run, images), ((pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels))
    return float(np.mean([classes(run, moved(images, *way)) == still for way in ways]))


def classes(run: Finished, images: NumpyArray) -> NumpyArray:
    """The most likely class of each image."""
    return np.argmax(run.predict(images), 1)


def moved(images: NumpyArray, down: int, right: int) -> NumpyArray:
    """Images (n, height, width, channels) moved by whole pixels; what comes in at the edge repeats the edge."""
    rows, columns = np.arange(images.shape[1]) - down, np.arange(images.shape[2]) - right
    return images[:, rows.clip(0, images.shape[1] - 1)][:, :, columns.clip(0, images.shape[2] - 1)]
