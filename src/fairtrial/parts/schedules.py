"""Schedules: the factor on the learning rate as a pure function of the step and of what was scored so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi

from fairtrial.spec.errors import UsageError
from fairtrial.spec.registry import Registry, call


@dataclass(frozen=True)
class Moment:
    """When a step is made: after `step` others, in a run of `total`, `per_epoch` in each epoch."""

    step: int
    total: int
    per_epoch: int
    losses: tuple[float, ...] = ()  # validation loss after each completed epoch

    @property
    def epoch(self) -> int:
        """Epochs completed."""
        return self.step // self.per_epoch


Schedule = Callable[[Moment], float]
SCHEDULES: Registry[Callable[..., Schedule]] = Registry("schedule")


def make_schedule(text: str) -> Schedule:
    """The schedule written in `text`; `warmup 200, cosine` puts a warm-up in front of another one."""
    first, _, rest = text.partition(",")
    if not rest:
        return call(SCHEDULES, first)
    if first.split()[:1] != ["warmup"]:
        raise UsageError(f"schedule {text!r}: only a warm-up can stand in front of another schedule")
    warm, then = call(SCHEDULES, first), make_schedule(rest)
    return lambda at: warm(at) * then(at)


@SCHEDULES.add("constant")
def constant() -> Schedule:
    """1"""
    return lambda _: 1.0


@SCHEDULES.add("step")
def step(epochs: float = 10, factor: float = 0.1) -> Schedule:
    """Times `factor` after every `epochs` epochs."""
    if epochs < 1:
        raise UsageError(f"schedule step {epochs:g}: the number of epochs must be at least 1")
    return lambda at: factor ** (at.epoch // int(epochs))


@SCHEDULES.add("exponential")
def exponential(factor: float = 0.95) -> Schedule:
    """Times `factor` after every epoch."""
    return lambda at: factor**at.epoch


@SCHEDULES.add("cosine")
def cosine(lowest: float = 0.0) -> Schedule:
    """From 1 to `lowest` along half a cosine over the whole run (Loshchilov and Hutter 2017)."""
    return lambda at: _half_cosine(1.0, lowest, at.step / at.total)


@SCHEDULES.add("one-cycle")
def one_cycle(rise: float = 0.3, start: float = 25.0, end: float = 10_000.0) -> Schedule:
    """Up from 1/start to 1 over the share `rise` of the run, then down to 1/(start end), along cosines (Smith 2018)."""
    if not 0 < rise < 1 or start <= 0 or end <= 0:
        raise UsageError(f"schedule one-cycle {rise:g} {start:g} {end:g}: rise must lie in (0, 1), the others above 0")

    def factor(at: Moment) -> float:
        top = rise * at.total - 1  # the last step of the rise
        if at.step < top:
            return _half_cosine(1 / start, 1.0, at.step / top)
        return _half_cosine(1.0, 1 / (start * end), (at.step - top) / (at.total - 1 - top))

    return factor


@SCHEDULES.add("plateau")
def plateau(factor: float = 0.1, patience: float = 10) -> Schedule:
    """Times `factor` when more than `patience` epochs passed without a validation loss 0.01 % below the best."""

    def lowered(at: Moment) -> float:
        scale, best, waited = 1.0, float("inf"), 0
        for loss in at.losses:
            if loss < best * (1 - 1e-4):
                best, waited = loss, 0
            else:
                waited += 1
            if waited > patience:
                scale, waited = scale * factor, 0
        return scale

    return lowered


@SCHEDULES.add("sweep")
def sweep(lowest: float = 1e-6) -> Schedule:
    """From `lowest` to 1, each step times the same factor: a range test of learning rates (Smith 2017)."""
    if lowest <= 0:
        raise UsageError(f"schedule sweep {lowest:g}: the lowest factor must be above 0")
    return lambda at: lowest ** (1 - at.step / max(at.total - 1, 1))


@SCHEDULES.add("warmup")
def warmup(steps: float = 100) -> Schedule:
    """Rises in a straight line over the first `steps` steps: 1/steps, 2/steps, ... 1 (Goyal et al. 2017)."""
    if steps < 1:
        raise UsageError(f"schedule warmup {steps:g}: the number of steps must be at least 1")
    return lambda at: min(1.0, (at.step + 1) / steps)


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + cos(pi * share)) / 2
