"""What the two first checks of a net say: at which rate to begin, and whether the net can learn a single batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from math import e, log
from typing import Any

import numpy as np

from fairtrial.report.progress import Progress
from fairtrial.report.views import outcome
from fairtrial.report.wording import clean, counted, number, percent
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.events import Event, Fitted, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.store import Record

WIDTH = 0.2  # decades of the rate: the standard deviation of the Gaussian that smooths the loss
CEILING = 2.0  # losses are cut at so many times the one at the start: how far they explode says nothing of the fall
SCATTER, AT_FIRST = 2.0, 20  # the smoothed loss has to fall by so many times the scatter of the first points around it
BELOW = 3.0  # from the rate of the lowest loss to the one suggested: see docs/first-checks.md for how good it is
LEARNT = 0.25  # of the loss before the first step may be left when a batch counts as fitted
NEAR, MOST = 0.15, 0.8  # a loss so little above its floor, as a share, with most images right, has come to it


# The range test


@dataclass(frozen=True)
class RatePoint:
    """The mean loss of a few steps, at the rate of the last of them, and the same smoothed over its neighbours."""

    lr: float
    loss: float
    smooth: float


@dataclass(frozen=True)
class RateTest:
    """A short run with a rising rate. `lr` is a rate to begin with; None where the loss falls at no rate."""

    record: Record
    points: tuple[RatePoint, ...]
    lr: float | None

    @property
    def over(self) -> bool:
        return self.record.end is not None

    @property
    def passed(self) -> bool:
        return self.lr is not None

    @property
    def said(self) -> str:
        """The outcome in a sentence."""
        if not self.over:
            return unfinished(self.record)
        made, start = outcome(self.record), number(self.points[0].smooth if self.points else None)
        ended = f"; {made.detail}" if made.ended == "diverged" else ""
        if self.lr is None:
            return clean(f"the loss falls at no rate from its {start} at the start{ended}; see --overfit")
        lowest = min(self.points, key=lambda point: point.smooth)
        fall = f"the loss falls from {start} to {number(lowest.smooth)} at {lowest.lr:.2g}"
        return clean(f"begin with lr={self.lr:g}, a third of where the loss is lowest: {fall}{ended}")

    @property
    def seen(self) -> list[float]:
        """Losses between which the axis of a chart runs: those that explode are left outside."""
        return [value for point in self.points for value in (point.smooth, min(point.smooth, point.loss))]

    def plain(self) -> dict[str, Any]:
        """What `run --find-lr --json` prints; `points` are rate, loss and smoothed loss."""
        points = [[point.lr, point.loss, point.smooth] for point in self.points]
        detail = outcome(self.record).detail
        return {**_plain(self), "lr": self.lr, "detail": detail, "points": points}

    def _repr_html_(self) -> str:
        from fairtrial.report.charts import rate_chart, svg  # needs altair

        return f"<p>{escape(self.said)}</p>{svg(rate_chart(self))}"


def rate_test(record: Record) -> RateTest:
    """The range test that a run is, as far as it came."""
    rates, losses = mean_losses(record.events)
    if not len(losses):
        return RateTest(record, (), None)
    smooth = smoothed(rates, losses)
    points = map(RatePoint, rates.tolist(), losses.tolist(), smooth.tolist())
    return RateTest(record, tuple(points), suggestion(rates, losses, smooth) if record.end else None)


def mean_losses(events: Sequence[Event]) -> tuple[NumpyArray, NumpyArray]:
    """Rates, and the mean loss of the steps since the event before; recorded are means since the epoch began."""
    rates: list[float] = []
    losses: list[float] = []
    for _, epoch in groupby((event for event in events if isinstance(event, Fitted)), lambda event: event.epoch):
        total, images = 0.0, 0
        for event in epoch:
            before, total = total, event.scores["running/loss"] * event.images
            losses.append((total - before) / (event.images - images))
            rates.append(event.lr)
            images = event.images
    return np.array(rates), np.array(losses)


def smoothed(rates: NumpyArray, losses: NumpyArray) -> NumpyArray:
    """Means of the losses, weighted by a Gaussian of the distance in decades: unlike a running mean it does not lag."""
    place = np.log10(rates)
    weights = np.exp(-0.5 * ((place[:, None] - place) / WIDTH) ** 2)
    return weights @ np.minimum(losses, CEILING * losses[0]) / weights.sum(1)


def suggestion(rates: NumpyArray, losses: NumpyArray, smooth: NumpyArray) -> float | None:
    """So far below the rate at which the smoothed loss is lowest that the way to divergence is not near."""
    lowest, scatter = int(smooth.argmin()), float(np.std((losses - smooth)[:AT_FIRST]))
    return float(f"{rates[lowest] / BELOW:.2g}") if smooth[0] - smooth[lowest] > SCATTER * scatter else None


# One batch


@dataclass(frozen=True)
class BatchStep:
    """Loss and accuracy after so many steps on the same batch, and in the last of them while the net was learning."""

    step: int
    loss: float
    accuracy: float
    running_loss: float
    running_accuracy: float


@dataclass(frozen=True)
class BatchTest:
    """A short run on one batch, again and again; `fitted` is the step after which it was learnt, None if never."""

    record: Record
    images: int
    steps: tuple[BatchStep, ...]
    fitted: int | None

    @property
    def over(self) -> bool:
        """Whether there is nothing left to do: once the batch is learnt, the rest of the run is not made."""
        return self.passed or self.record.end is not None

    @property
    def passed(self) -> bool:
        return self.fitted is not None

    @property
    def reached(self) -> BatchStep | None:
        """The step that tells the outcome: where the batch was learnt, or else the one with the lowest loss."""
        at = {step.step: step for step in self.steps}
        return at[self.fitted] if self.fitted else min(self.steps, key=lambda step: step.loss, default=None)

    @property
    def said(self) -> str:
        """The outcome in a sentence or two."""
        if not self.over:
            return unfinished(self.record)
        made, images = outcome(self.record), self.images
        if self.reached is None:
            return clean(f"does not fit {images} images: {made.detail or made.ended}")
        step, first = self.reached, number(self.steps[0].running_loss)
        if self.fitted:
            words = f"fits {images} images: {percent(step.accuracy, 0)} after {counted(step.step, 'step')}"
            return f"{words}, loss {number(step.loss)}, {first} at the start"
        words = f"does not fit {images} images: after {counted(self.steps[-1].step, 'step')} the lowest loss is "
        words += f"{number(step.loss)}, {first} at the start, with {round(step.accuracy * images)} of {images} right"
        diverged = f"; {made.detail}" if made.ended == "diverged" else ""
        return clean(f"{words}{diverged}. {self.suspicion(step)}")

    def suspicion(self, step: BatchStep) -> str:
        """Where to look, in a sentence."""
        made = self.record.made
        floor = log(1 + (len(made["data"]["classes"]) - 1) / e)  # cross-entropy of a softmax of ones and zeros
        near = floor <= step.loss < (1 + NEAR) * floor and step.accuracy > MOST
        if self.record.recipe.loss == "cross-entropy" and (near or made["arch"].endswith(", softmax")):
            return f"Does the net end in softmax? Cross-entropy has its own; after two, {number(floor)} is the least."
        if any(learnt(s.running_loss, s.running_accuracy, self.steps) for s in self.steps):
            return "In training mode it does: what differs in eval mode, batch norm above all?"
        return "Something is wrong with the net, the loss, or the rate (--find-lr)."

    def plain(self) -> dict[str, Any]:
        """What `run --overfit --json` prints; `points` are step, loss and accuracy."""
        reached = self.reached
        return {
            **_plain(self),
            "fits": self.passed,
            "images": self.images,
            "steps": reached.step if reached else 0,
            "loss": reached.loss if reached else None,
            "accuracy": reached.accuracy if reached else None,
            "first_loss": self.steps[0].running_loss if self.steps else None,
            "points": [[step.step, step.loss, step.accuracy] for step in self.steps],
        }

    def _repr_html_(self) -> str:
        from fairtrial.report.charts import batch_chart, svg  # needs altair

        return f"<p>{escape(self.said)}</p>{svg(batch_chart(self))}"


def batch_test(record: Record) -> BatchTest:
    """The test on one batch that a run is, as far as it came."""
    running = {event.step: event.scores for event in record.events if isinstance(event, Fitted)}
    steps = tuple(_batch_step(event, dict(running[event.step])) for event in record.epochs)
    fitted = next((step.step for step in steps if learnt(step.loss, step.accuracy, steps)), None)
    return BatchTest(record, record.recipe.images, steps, fitted)


def _batch_step(event: Scored, running: dict[str, float]) -> BatchStep:
    scores = event.scores
    both = running["running/loss"], running["running/accuracy"]
    return BatchStep(event.step, scores["train/loss"], scores["train/accuracy"], *both)


def learnt(loss: float, accuracy: float, steps: Sequence[BatchStep]) -> bool:
    """Whether every image is right and little is left of the loss before the first step.

    The loss is asked as well, because a net whose gradients fade names the right classes and stops learning.
    """
    return accuracy == 1 and loss <= LEARNT * steps[0].running_loss


def subject(recipe: Recipe) -> str:
    """What is checked, in a line; the rate is a range test's own."""
    how = f"{recipe.optimizer}, batch {recipe.batch}, seed {recipe.seed}, {recipe.engine}"
    return clean(f"{recipe.model} on {recipe.data}: {how}")


def unfinished(record: Record) -> str:
    """What may be said of a check that was stopped: nothing yet."""
    return f"stopped after {counted(record.events[-1].step if record.events else 0, 'step')}: it says nothing yet"


def _plain(test: RateTest | BatchTest) -> dict[str, Any]:
    made = outcome(test.record)
    return {"run": made.name, "path": made.path, "over": test.over, "said": test.said}


class CheckProgress(Progress):
    """Looks on at a check: a bar, without a line for each of its short epochs."""

    def begin(self, name: str, recipe: Recipe, steps: int, done: int) -> None:
        """A check of so many steps starts, so many of them done before."""
        self._bar.reset(self._task, total=steps, completed=done, words="")
        self._bar.start()
        self.say(f"{subject(recipe)}: {counted(steps, 'step')} at most")

    def see(self, event: Event) -> None:
        """Move the bar."""
        if isinstance(event, Fitted):
            super().see(event)
