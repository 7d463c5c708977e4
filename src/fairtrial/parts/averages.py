"""Averages: a slow copy of all that a net has learnt follows it from step to step; the copy is scored and kept.

Legend: s a slow array, w the net's own, weights or running statistics; t the step counted from 1. s begins as w does.
"""

from __future__ import annotations

from collections.abc import Callable

from fairtrial.spec.arrays import Array
from fairtrial.spec.errors import UsageError
from fairtrial.spec.registry import Registry, call

Average = Callable[[Array, Array, int], None]  # changes s, perhaps also w, in place after step t
AVERAGES: Registry[Callable[..., Average]] = Registry("average")


def make_average(text: str) -> Average | None:
    """The average written in `text`, such as `ema 0.99`; `none` gives none."""
    return None if text.strip() == "none" else call(AVERAGES, text)


@AVERAGES.add("none")
def none() -> Average:
    """The net as it is."""
    return lambda s, w, t: None


@AVERAGES.add("ema")
def ema(decay: float = 0.99) -> Average:
    """Mean of w after all steps so far, each counted `decay` times the next (Kingma and Ba 2015, section 7.2)."""
    if not 0 <= decay < 1:
        raise UsageError(f"average ema {decay:g}: the decay must lie in [0, 1)")

    def follow(s: Array, w: Array, t: int) -> None:
        s += (1 - decay) / (1 - decay**t) * (w - s)

    return follow


@AVERAGES.add("lookahead")
def lookahead(steps: float = 5, share: float = 0.5) -> Average:
    """After every so many steps s += share (w - s), and w goes on from there: w = s (Zhang et al. 2019)."""
    if steps < 1 or steps != int(steps) or not 0 < share <= 1:
        raise UsageError(f"average lookahead {steps:g} {share:g}: whole steps, at least 1; a share in (0, 1]")

    def follow(s: Array, w: Array, t: int) -> None:
        if t % steps == 0:
            s += share * (w - s)
            w[...] = s

    return follow
