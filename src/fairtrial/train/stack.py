"""Several runs at once: as many steps of the loop, but one pass through a stack of nets serves them all.

A run in a stack comes to the same bits as alone. What a library computes may depend on the shapes it is given, so that
is tried: some steps are made in the stack and alone, and it is used only if all numbers are equal, and it was quicker.
Which way a product takes depends on shapes, not on numbers, and all shapes of an epoch are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from time import perf_counter
from typing import cast

import numpy as np
import torch

from fairtrial.engine.net import At
from fairtrial.engine.stacked import Stack
from fairtrial.engine.torch_net import TorchNet, TorchOptimizer
from fairtrial.parts.losses import Criterion
from fairtrial.parts.optimizers import make_rule
from fairtrial.parts.schedules import Moment, make_schedule
from fairtrial.spec.arch import Arch, Shape
from fairtrial.spec.arrays import Array
from fairtrial.spec.events import Event, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.train.loop import Diverged, advance, due, first_bad, penalise, progress_of, score
from fairtrial.train.state import State
from fairtrial.train.stream import SCORE_BATCH, Stream

STEPS = 3  # tried in a row before a stack is trusted, and the last one of an epoch


class Trainee:
    """A run among others."""

    def __init__(
        self, recipe: Recipe, state: State, stream: Stream, criterion: Criterion, past: Sequence[Event]
    ) -> None:
        self.recipe, self.state, self.stream, self.criterion = recipe, state, stream, criterion
        self.progress = progress_of(recipe, past)
        self.schedule, self.total = make_schedule(recipe.schedule), recipe.epochs * stream.per_epoch
        self.table = state.net.array(criterion.table)

    @property
    def over(self) -> bool:
        return self.state.step >= self.total or 0 < self.recipe.patience <= self.progress.waited

    @property
    def lr(self) -> float:
        moment = Moment(self.state.step, self.total, self.stream.per_epoch, self.progress.losses)
        return self.recipe.lr * self.schedule(moment)

    def alone(self) -> None:
        """Make a step without the others."""
        advance(self.recipe, self.state, self.stream, self.criterion, self.table, self.lr)

    def due(self, lr: float) -> list[Event]:
        """The events that fall on the step just made."""
        events = list(due(self.recipe, self.state, self.stream, self.criterion, self.progress, lr))
        for event in events:
            if isinstance(event, Scored):
                self.progress = self.progress.after(event)
        return events

    @property
    def key(self) -> tuple[object, ...]:
        """Of those with an equal one the optimizers can step together."""
        return make_rule(self.recipe), self.recipe.lr, self.recipe.schedule


def train_together(
    trainees: Sequence[Trainee], arch: Arch, shape: Shape, stop: Callable[[], bool]
) -> Iterator[tuple[dict[Trainee, list[Event]], dict[Trainee, Diverged]]]:
    """Make steps until all runs are over or `stop` says so, yielding what is due, of several runs at the same time.

    A run that is over leaves the stack, and so does one that diverges, with its error; the others go on.
    """
    staying = [trainee for trainee in trainees if not trainee.over]
    while staying and not stop():
        active, stack = staying, make_stack(staying, arch, shape)
        while staying == active and not stop():
            began, lrs = perf_counter(), [trainee.lr for trainee in active]
            errors = step_together(stack, active, lrs)
            seconds = (perf_counter() - began) / len(active)
            events: dict[Trainee, list[Event]] = {}
            for trainee, lr in zip(active, lrs, strict=True):
                trainee.state.sums.fit_seconds += seconds
                try:
                    due = [] if trainee in errors else trainee.due(lr)
                except Diverged as error:
                    errors[trainee] = error
                else:
                    events |= {trainee: due} if due else {}
            if events or errors:
                yield events, errors
                staying = [trainee for trainee in active if not (trainee.over or trainee in errors)]
        stack.disband()


def make_stack(trainees: Sequence[Trainee], arch: Arch, shape: Shape) -> Stack:
    """The nets and optimizers of these as one."""
    nets, optimizers = [t.state.net for t in trainees], [t.state.optimizer for t in trainees]
    keys = [trainee.key for trainee in trainees]
    return Stack(cast("list[TorchNet]", nets), cast("list[TorchOptimizer]", optimizers), keys, arch, shape)


@np.errstate(all="ignore")
def step_together(stack: Stack, trainees: Sequence[Trainee], lrs: Sequence[float]) -> dict[Trainee, Diverged]:
    """A step of each, as `loop.advance` makes it; the errors of those that have diverged."""
    first = trainees[0]
    ats = [At(t.recipe.seed, t.state.step) for t in trainees]
    batches = [t.stream.batch(t.state.step) for t in trainees]
    x, labels = (torch.stack(parts) for parts in zip(*batches, strict=True))
    logits = stack.forward(x, ats)
    targets = first.table.index_select(0, labels.flatten()).view(*logits.shape)
    losses, dlogits = torch.vmap(partial(first.criterion.loss, torch))(logits, targets)
    stack.backward(dlogits)
    for k, t in enumerate(trainees):
        if t.recipe.l1 or t.recipe.l2:
            stack.hand_out(k)
            penalise(t.state.net, t.recipe)
    bad: dict[Trainee, Diverged] = {}
    losses = losses.tolist()
    for k, (t, norm, loss) in enumerate(zip(trainees, stack.norms(), losses, strict=True)):
        if not (isfinite(norm) and isfinite(loss)):
            stack.hand_out(k)
            bad[t] = Diverged(t.state.step + 1, lrs[k], first_bad(t.state.net, x[k], ats[k]))
    stack.step(lrs)
    right = first.criterion.predict(torch, logits.flatten(0, 1)) == labels.flatten()
    for t, loss, correct in zip(trainees, losses, right.view(labels.shape).sum(1).tolist(), strict=True):
        if t in bad:
            continue
        t.state.step += 1
        t.state.follow()
        t.state.sums.loss += loss * labels.shape[1]
        t.state.sums.correct += correct
        t.state.sums.images += labels.shape[1]
    return bad


@dataclass(frozen=True)
class Trial:
    """What trying a stack came to."""

    together: float  # seconds of the quickest step of all
    apart: float
    same: bool  # to the bit

    @property
    def pays(self) -> bool:
        return self.same and self.together < self.apart


def tried(trainees: Sequence[Trainee], arch: Arch, shape: Shape) -> Trial:
    """Some steps in a stack, the same steps alone, and a look at what all have come to; then they are undone."""
    stack, lost = make_stack(trainees, arch, shape), set[Trainee]()

    def alone() -> None:
        for trainee in trainees:
            try:
                trainee.alone()
            except Diverged:
                lost.add(trainee)

    together, ours = _timed(trainees, lambda: step_together(stack, trainees, [t.lr for t in trainees]))
    stack.disband()
    apart, theirs = _timed(trainees, alone)
    return Trial(together, apart, all(ours[t] == theirs[t] for t in trainees if t not in lost))


def _timed(
    trainees: Sequence[Trainee], step: Callable[[], object]
) -> tuple[float, dict[Trainee, dict[str, bytes | float]]]:
    """Seconds of the quickest step, and what all have come to; then the steps are undone."""
    start, per_epoch, total = trainees[0].state.step, trainees[0].stream.per_epoch, trainees[0].total
    last = start // per_epoch * per_epoch + per_epoch - 1  # perhaps with fewer images
    before = [(replace(t.state.sums), {name: x.clone() for name, x in _arrays(t.state).items()}) for t in trainees]
    seconds: list[float] = []
    try:
        for place in (*range(start, min(start + STEPS, total)), last):
            for trainee in trainees:
                trainee.state.step = place
            began = perf_counter()
            step()
            seconds.append(perf_counter() - began)
        return min(seconds), {trainee: _outcome(trainee) for trainee in trainees}
    finally:
        for trainee, (sums, arrays) in zip(trainees, before, strict=True):
            trainee.state.step, trainee.state.sums = start, sums
            for name, values in _arrays(trainee.state).items():
                values.copy_(arrays[name])


def _outcome(trainee: Trainee) -> dict[str, bytes | float]:
    """All numbers to the bit, and scores in eval mode: of whole batches, and of what is left after these."""
    state, stream = trainee.state, trainee.stream
    rows = stream.split.train[: SCORE_BATCH + len(stream.split.train) % SCORE_BATCH]
    numbers = {name: state.net.numpy(values).tobytes() for name, values in _arrays(state).items()}
    return numbers | {"loss": state.sums.loss} | score(state.net, stream, trainee.criterion, "train", rows)


def _arrays(state: State) -> dict[str, Array]:
    """All that a step changes."""
    return {
        **state.net.params,
        **state.net.buffers,
        **state.optimizer.memory,
        **{f"average/{name}": values for name, values in state.slow.items()},
    }
