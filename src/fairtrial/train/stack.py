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
from torch import Tensor

from fairtrial.engine.net import At
from fairtrial.engine.stacked import Stack
from fairtrial.engine.torch_net import TorchNet, TorchOptimizer
from fairtrial.parts.optimizers import make_rule
from fairtrial.spec.arch import Arch, Shape
from fairtrial.spec.events import Event
from fairtrial.train.clock import awake
from fairtrial.train.loop import Course, Diverged, first_bad, penalise, score
from fairtrial.train.stream import SCORE_BATCH

STEPS = 3  # tried in a row before a stack is trusted, and the last one of an epoch


def train_together(
    courses: Sequence[Course], arch: Arch, shape: Shape, stop: Callable[[], bool]
) -> Iterator[tuple[dict[Course, list[Event]], dict[Course, Diverged]]]:
    """Make steps until all runs are over or `stop` says so, yielding what is due, of several runs at the same time.

    A run that is over leaves the stack, and so does one that diverges, with its error; the others go on.
    """
    staying = [course for course in courses if not course.over]
    while staying and not stop():
        active, stack = staying, make_stack(staying, arch, shape)
        while staying == active and not stop():
            began, lrs = awake(), [course.lr for course in active]
            errors = step_together(stack, active, lrs)
            seconds = (awake() - began) / len(active)
            events: dict[Course, list[Event]] = {}
            for course, lr in zip(active, lrs, strict=True):
                course.state.sums.fit_seconds += seconds
                try:
                    due = [] if course in errors else list(course.due(lr))
                except Diverged as error:
                    errors[course] = error
                else:
                    events |= {course: due} if due else {}
            if events or errors:
                yield events, errors
                staying = [course for course in active if not (course.over or course in errors)]
        stack.disband()


def key(course: Course) -> tuple[object, ...]:
    """Of neighbours with an equal one the optimizers step together: they have one rule, and always one rate."""
    return make_rule(course.recipe), course.recipe.lr, course.recipe.schedule


def make_stack(courses: Sequence[Course], arch: Arch, shape: Shape) -> Stack:
    """The nets and optimizers of these as one."""
    nets, optimizers = [t.state.net for t in courses], [t.state.optimizer for t in courses]
    return Stack(
        cast("list[TorchNet]", nets), cast("list[TorchOptimizer]", optimizers), list(map(key, courses)), arch, shape
    )


@np.errstate(all="ignore")
def step_together(stack: Stack, courses: Sequence[Course], lrs: Sequence[float]) -> dict[Course, Diverged]:
    """A step of each, as `loop.advance` makes it; the errors of those that have diverged."""
    first = courses[0]
    ats = [At(t.recipe.seed, t.state.step) for t in courses]
    x, labels = batches(courses)
    logits = stack.forward(x, ats)
    targets = first.table.index_select(0, labels.flatten()).view(*logits.shape)
    losses, dlogits = torch.vmap(partial(first.criterion.loss, torch))(logits, targets)
    stack.backward(dlogits)
    for k, t in enumerate(courses):
        if t.recipe.l1 or t.recipe.l2:
            stack.hand_out(k)
            penalise(t.state.net, t.recipe)
    bad: dict[Course, Diverged] = {}
    losses = losses.tolist()
    for k, (t, norm, loss) in enumerate(zip(courses, stack.norms(), losses, strict=True)):
        if not (isfinite(norm) and isfinite(loss)):
            stack.hand_out(k)
            bad[t] = Diverged(t.state.step + 1, lrs[k], first_bad(t.state.net, x[k], ats[k]))
    stack.step(lrs)
    right = first.criterion.predict(torch, logits.flatten(0, 1)) == labels.flatten()
    for t, loss, correct in zip(courses, losses, right.view(labels.shape).sum(1).tolist(), strict=True):
        if t in bad:
            continue
        t.state.step += 1
        t.state.follow()
        t.state.sums.loss += loss * labels.shape[1]
        t.state.sums.correct += correct
        t.state.sums.images += labels.shape[1]
    return bad


def batches(courses: Sequence[Course]) -> tuple[Tensor, Tensor]:
    """What each net sees in its next step (K, n, ...), and the labels (K, n): a `Stream.batch` of each."""
    streams, step = [course.stream for course in courses], courses[0].state.step
    if not all(stream.plain and stream.fitted.keys() == streams[0].fitted.keys() for stream in streams):
        x, labels = zip(*(stream.batch(step) for stream in streams), strict=True)
        return torch.stack(x), torch.stack(labels)
    indices = [stream.index(step) for stream in streams]
    shape = (len(streams), len(indices[0]), *streams[0].images.shape[1:])
    x = streams[0].images.index_select(0, torch.cat(indices)).view(*shape[:3], -1)
    fitted = {name: torch.stack([stream.fitted[name] for stream in streams]) for name in streams[0].fitted}
    x = x * _along_rows(fitted["scale"], shape[3])
    if "shift" in fitted:
        x += _along_rows(fitted["shift"], shape[3])
    labels = [stream.labels.index_select(0, index) for stream, index in zip(streams, indices, strict=True)]
    return x.view(shape), torch.stack(labels)


def _along_rows(numbers: Tensor, width: int) -> Tensor:
    """One for each channel (K, c) along rows of pixels (K, n, height, width c)."""
    return numbers.repeat(1, width)[:, None, None] if numbers.shape[1] > 1 else numbers[:, None, None]


@dataclass(frozen=True)
class Trial:
    """What trying a stack came to."""

    together: float  # seconds of the quickest step of all
    apart: float
    same: bool  # to the bit

    @property
    def pays(self) -> bool:
        return self.same and self.together < self.apart


def tried(courses: Sequence[Course], arch: Arch, shape: Shape) -> Trial:
    """Some steps in a stack, the same steps alone, and a look at what all have come to; then they are undone."""
    stack, lost = make_stack(courses, arch, shape), set[Course]()

    def alone() -> None:
        for course in courses:
            try:
                course.advance()
            except Diverged:
                lost.add(course)

    together, ours = _timed(courses, lambda: step_together(stack, courses, [t.lr for t in courses]))
    stack.disband()
    apart, theirs = _timed(courses, alone)
    return Trial(together, apart, all(ours[t] == theirs[t] for t in courses if t not in lost))


def _timed(courses: Sequence[Course], step: Callable[[], object]) -> tuple[float, dict[Course, object]]:
    """Seconds of the quickest step, and what all have come to; then the steps are undone."""
    start, per_epoch, total = courses[0].state.step, courses[0].stream.per_epoch, courses[0].total
    last = start // per_epoch * per_epoch + per_epoch - 1  # perhaps with fewer images
    before = [(replace(t.state.sums), [x.clone() for x in t.state.changing().values()]) for t in courses]
    seconds: list[float] = []
    try:
        for place in (*range(start, min(start + STEPS, total)), last):
            for course in courses:
                course.state.step = place
            began = perf_counter()
            step()
            seconds.append(perf_counter() - began)
        return min(seconds), {course: _outcome(course) for course in courses}
    finally:
        for course, (sums, arrays) in zip(courses, before, strict=True):
            course.state.step, course.state.sums = start, sums
            for values, then in zip(course.state.changing().values(), arrays, strict=True):
                values.copy_(then)


def _outcome(course: Course) -> tuple[list[bytes], float, dict[str, float]]:
    """All numbers to the bit, and scores in eval mode: of whole batches, and of what is left after these."""
    state, stream = course.state, course.stream
    rows = stream.split.train[: SCORE_BATCH + len(stream.split.train) % SCORE_BATCH]
    numbers = [state.net.numpy(values).tobytes() for values in state.changing().values()]
    return numbers, state.sums.loss, score(state.net, stream, course.criterion, "train", rows)
