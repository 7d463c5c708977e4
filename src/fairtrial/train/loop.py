"""The loop: one for both engines, with backpropagation in plain sight."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil, inf, isfinite, isnan
from typing import Any

import numpy as np

from fairtrial.engine.net import At, Net, both_ways
from fairtrial.parts.losses import Criterion
from fairtrial.parts.schedules import Moment, make_schedule
from fairtrial.spec.arrays import Array, NumpyArray
from fairtrial.spec.events import GROWN, Event, Fitted, Saved, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.train.clock import Lap, awake, untimed
from fairtrial.train.state import State, Sums
from fairtrial.train.stream import Stream

HIGH = 3  # losses in a row, of ten an epoch, before they are no accident


class Diverged(ArithmeticError):
    """A loss or gradient is not a finite number; the weights have not taken it."""

    def __init__(self, step: int, lr: float, layer: str) -> None:
        super().__init__(f"step {step}: {layer} is not finite, at learning rate {lr:g}")
        self.step = step


@dataclass(frozen=True)
class Progress:
    """What the ends of epochs so far say: the best one, how many since, and their validation losses."""

    monitor: str
    min_delta: float
    best_epoch: int = 0
    best: float = inf  # of the monitored score, turned so that lower is better
    epoch: int = 0
    losses: tuple[float, ...] = ()

    @property
    def waited(self) -> int:
        return self.epoch - self.best_epoch

    def better(self, scores: dict[str, float]) -> bool:
        """Whether an epoch with these scores is the best so far; without validation part the last one is."""
        if "valid/loss" not in scores:
            return True
        value = self._value(scores)
        return not isnan(value) and value < self.best - (self.min_delta if self.best < inf else 0)

    def after(self, event: Scored) -> Progress:
        """This, one event later."""
        if not event.at_end:
            return self
        scores = dict(event.scores)
        losses = (*self.losses, scores["valid/loss"]) if "valid/loss" in scores else self.losses
        best_epoch, best = (event.epoch, self._value(scores)) if event.best else (self.best_epoch, self.best)
        return Progress(self.monitor, self.min_delta, best_epoch, best, event.epoch, losses)

    def _value(self, scores: dict[str, float]) -> float:
        value = scores.get(self.monitor, inf)
        return -value if self.monitor.endswith("accuracy") else value


def progress_of(recipe: Recipe, events: Iterable[Event]) -> Progress:
    """The fold of the events so far."""
    progress = Progress(recipe.monitor, recipe.min_delta)
    for event in events:
        if isinstance(event, Scored):
            progress = progress.after(event)
    return progress


@dataclass
class Growth:
    """Notices, once, that the training loss has grown, by the doctor's rule; a single high value is an accident."""

    guessing: float  # what it costs; 0 where that is not known
    start: float = 0.0
    high: int = 0

    def see(self, event: Event) -> str:
        """What there is to say if it has grown with this event, and had not before."""
        if not isinstance(event, Fitted):
            return ""
        loss = event.scores["running/loss"]
        self.start = self.start or max(loss, self.guessing)
        self.high = self.high + 1 if self.high >= HIGH or loss > GROWN * self.start else 0
        said = f"the training loss has grown to {loss:.4g} by step {event.step}"
        return f"{said}; a lower rate than {event.lr:g} may help" if self.high == HIGH else ""


class Course:
    """A run under way: its state, what is next, and how it has gone so far by the events in `past`."""

    def __init__(
        self, recipe: Recipe, state: State, stream: Stream, criterion: Criterion, past: Iterable[Event]
    ) -> None:
        self.recipe, self.state, self.stream, self.criterion = recipe, state, stream, criterion
        self.table, self.progress = state.net.array(criterion.table), progress_of(recipe, past)
        self.schedule, self.total = make_schedule(recipe.schedule), recipe.epochs * stream.per_epoch

    @property
    def over(self) -> bool:
        """Whether the epochs are, or patience is."""
        return self.state.step >= self.total or 0 < self.recipe.patience <= self.progress.waited

    @property
    def lr(self) -> float:
        """The rate of the next step."""
        moment = Moment(self.state.step, self.total, self.stream.per_epoch, self.progress.losses)
        return self.recipe.lr * self.schedule(moment)

    def advance(self, lap: Lap = untimed) -> None:
        """Make a step."""
        advance(self.recipe, self.state, self.stream, self.criterion, self.table, self.lr, lap)

    def due(self, lr: float) -> Iterator[Event]:
        """The events that fall on the step just made, at that rate."""
        for event in due(self.recipe, self.state, self.stream, self.criterion, self.progress, lr):
            if isinstance(event, Scored):
                self.progress = self.progress.after(event)
            yield event


def train(
    recipe: Recipe,
    state: State,
    stream: Stream,
    criterion: Criterion,
    past: Iterable[Event] = (),
    stop: Callable[[], bool] = lambda: False,
    lap: Lap = untimed,
) -> Iterator[Event]:
    """Make steps until the epochs are over, patience ends or `stop` says so, yielding what is due between steps.

    `past` are the events up to the state; what is done with an event that is yielded counts as disk in the laps.
    Raises Diverged, before the weights take it, when a number is not finite. A deferred net is asked only when events
    are due; if it has taken such a number, it goes back to when it was asked last, and makes the steps again.
    """
    course = Course(recipe, state, stream, criterion, past)
    while not course.over and not (stop() and state.settle()):
        began, lr = awake(), course.lr
        course.advance(lap)
        looked = is_due(recipe, state.step, stream.per_epoch)
        if looked and not state.settle():
            continue
        state.sums.fit_seconds += awake() - began
        if not looked:
            continue
        for event in course.due(lr):
            lap("evaluation")
            yield event
            lap("disk")
        state.mark()


@np.errstate(all="ignore")  # what is no finite number is looked for, and said in words
def advance(
    recipe: Recipe, state: State, stream: Stream, criterion: Criterion, table: Array, lr: float, lap: Lap = untimed
) -> None:
    """Make one step. Being a function, it lets go of the step's arrays before the next step wants the memory."""
    net, at = state.net, At(recipe.seed, state.step)
    x, labels = stream.batch(state.step)
    lap("data")
    logits = net.forward(x, at)
    loss, dlogits = criterion.loss(net.xp, logits, net.take(table, labels))
    lap("forward")
    net.backward(dlogits)
    lap("backward")
    penalise(net, recipe)
    norm, loss = net.norm(), net.number(loss)
    if net.deferred:
        state.unseen += norm + loss
    elif not isfinite(norm + loss):
        raise Diverged(state.step + 1, lr, first_bad(net, x, at))
    if recipe.clip and (net.deferred or norm > recipe.clip):
        clip(net, norm, recipe.clip)
    state.step += 1
    state.optimizer.step(lr, state.step)
    state.follow()
    state.sums.loss += loss * len(labels)
    state.sums.correct += net.number(criterion.correct(net.xp, logits, labels))
    state.sums.images += len(labels)
    lap("optimizer")


def penalise(net: Net, recipe: Recipe) -> None:
    """Add the gradients of l1 sum |w| and l2 sum w^2 over the weights; biases and scales are left alone."""
    if not (recipe.l1 or recipe.l2):
        return
    for name, g in net.grads.items():
        w = net.params[name]
        if w.ndim > 1:
            g += recipe.l1 * net.xp.sign(w) + 2 * recipe.l2 * w


def clip(net: Net, norm: Any, most: float) -> None:
    """Shorten all gradients together, from this norm to that if it is longer."""
    factor = most / (norm * (norm > most) + most * (norm <= most))  # by the larger of both: `max` would wait for it
    for g in net.grads.values():
        g *= factor


def first_bad(net: Net, x: Array, at: At) -> str:
    """The first layer whose output is not finite, or else the last with such a gradient: backward meets that first."""
    layers: dict[str, Array] = {}
    net.forward(x, at, layers)
    for name, y in layers.items():
        if not bool(net.xp.isfinite(y).all()):
            return f"the output of layer {name}"
    bad = [name for name, g in net.grads.items() if not bool(net.xp.isfinite(g).all())]
    return f"the gradient of {bad[-1]}" if bad else "the loss"


def is_due(recipe: Recipe, step: int, per_epoch: int) -> bool:
    """Whether events fall on this step."""
    often = (every and step % every == 0 for every in (recipe.score_every, recipe.save_every))
    return step % per_epoch % ceil(per_epoch / 10) == 0 or any(often)


def due(
    recipe: Recipe, state: State, stream: Stream, criterion: Criterion, progress: Progress, lr: float
) -> Iterator[Event]:
    """The events that fall on the step just made. Saved comes last: it promises all that came before it."""
    step, per_epoch = state.step, stream.per_epoch
    epoch, place = -(-step // per_epoch), step % per_epoch
    saves = place == 0 or (recipe.save_every and step % recipe.save_every == 0)
    if saves:
        check_numbers(state, lr)
    if place % ceil(per_epoch / 10) == 0:
        yield Fitted(step, epoch, lr, state.sums.scores(), state.sums.images, state.sums.fit_seconds)
    if place == 0:
        with state.averaged():
            scored = score_epoch(recipe, state, stream, criterion, progress)
        yield scored
        state.sums = Sums()
    elif recipe.score_every and step % recipe.score_every == 0 and len(stream.split.valid):
        began = awake()
        with state.averaged():
            scores = state.sums.scores() | score(state.net, stream, criterion, "valid", stream.split.valid)
        yield Scored(step, epoch, False, scores, False, awake() - began)
    if saves:
        yield Saved(step, epoch)


def check_numbers(state: State, lr: float) -> None:
    """Diverged if finite gradients led to numbers that are not, in the net or in what is remembered: none are saved."""
    for name, values in state.changing().items():
        if not bool(state.net.xp.isfinite(values).all()):
            raise Diverged(state.step, lr, f"the update of {name}")


def score_epoch(recipe: Recipe, state: State, stream: Stream, criterion: Criterion, progress: Progress) -> Scored:
    """The scores at the end of an epoch: training and validation part, and the test part only where the recipe asks."""
    began, epoch = awake(), state.step // stream.per_epoch
    scores = state.sums.scores()
    if recipe.score_train:
        scores |= score(state.net, stream, criterion, "train", stream.split.train)
    if len(stream.split.valid):
        scores |= score(state.net, stream, criterion, "valid", stream.split.valid)
    if recipe.test_every and epoch % recipe.test_every == 0:
        scores |= score(state.net, stream, criterion, "test", stream.split.test)
    return Scored(state.step, epoch, True, scores, progress.better(scores), awake() - began)


@np.errstate(all="ignore")
def score(net: Net, stream: Stream, criterion: Criterion, part: str, rows: NumpyArray) -> dict[str, float]:
    """Mean loss and accuracy of the net in eval mode over these rows; penalties are not part of the loss."""
    loss: Any = 0.0
    right, table = 0, net.array(criterion.table)
    for x, labels in stream.whole(rows):
        y = both_ways(net, x) if stream.recipe.test_flip else net.forward(x)
        loss += net.number(criterion.loss(net.xp, y, net.take(table, labels))[0]) * len(labels)
        right += net.number(criterion.correct(net.xp, y, labels))
    return {f"{part}/loss": float(loss) / len(rows), f"{part}/accuracy": int(right) / len(rows)}
