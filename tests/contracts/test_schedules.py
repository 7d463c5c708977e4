"""Every schedule over a whole run, against its twin in torch.optim.lr_scheduler or the formula in words."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as twins

from fairtrial.parts.schedules import SCHEDULES, Moment, make_schedule
from fairtrial.spec.errors import UsageError

EPOCHS, PER_EPOCH = 12, 5
TOTAL = EPOCHS * PER_EPOCH
LOSSES = [1.0, 0.9, 0.95, 0.89999, 0.92, 0.5, 0.6, 0.7, 0.8, 0.4, 0.4, 0.4]  # of the validation part, after each epoch

# What to write, torch's scheduler, and whether torch's is stepped once an epoch or once a step.
CASES: dict[str, list[tuple[str, Callable[[Any], Any], str]]] = {
    "constant": [("constant", lambda o: twins.ConstantLR(o, 1.0), "step")],
    "step": [
        ("step 3 0.5", lambda o: twins.StepLR(o, 3, 0.5), "epoch"),
        ("step", lambda o: twins.StepLR(o, 10, 0.1), "epoch"),
    ],
    "exponential": [("exponential 0.8", lambda o: twins.ExponentialLR(o, 0.8), "epoch")],
    "cosine": [
        ("cosine", lambda o: twins.CosineAnnealingLR(o, TOTAL), "step"),
        ("cosine 0.1", lambda o: twins.CosineAnnealingLR(o, TOTAL, 0.1), "step"),
    ],
    "one-cycle": [
        ("one-cycle", lambda o: twins.OneCycleLR(o, 1.0, TOTAL, cycle_momentum=False), "step"),
        (
            "one-cycle 0.4 10 100",
            lambda o: twins.OneCycleLR(
                o, 1.0, TOTAL, pct_start=0.4, div_factor=10, final_div_factor=100, cycle_momentum=False
            ),
            "step",
        ),
    ],
    "plateau": [
        ("plateau 0.5 1", lambda o: twins.ReduceLROnPlateau(o, factor=0.5, patience=1), "epoch"),
        ("plateau 0.1 0", lambda o: twins.ReduceLROnPlateau(o, factor=0.1, patience=0), "epoch"),
        ("plateau", lambda o: twins.ReduceLROnPlateau(o), "epoch"),
    ],
    "sweep": [
        ("sweep", lambda o: twins.LambdaLR(o, lambda i: float(np.geomspace(1e-6, 1, TOTAL)[i % TOTAL])), "step"),
        ("sweep 0.01", lambda o: twins.LambdaLR(o, lambda i: float(np.geomspace(0.01, 1, TOTAL)[i % TOTAL])), "step"),
    ],
    "warmup": [
        ("warmup 20", lambda o: twins.LinearLR(o, 1 / 20, 1.0, 19), "step"),
        ("warmup 1", lambda o: twins.ConstantLR(o, 1.0), "step"),
    ],
}


def moments() -> list[Moment]:
    return [Moment(i, TOTAL, PER_EPOCH, tuple(LOSSES[: i // PER_EPOCH])) for i in range(TOTAL)]


def theirs(make: Callable[[Any], Any], unit: str) -> list[float]:
    """The rate in each step of a run with a rate of 1, under torch's scheduler."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler, rates = make(optimizer), []
    for i in range(TOTAL):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if unit == "step" or (i + 1) % PER_EPOCH == 0:
            scheduler.step(*[LOSSES[i // PER_EPOCH]] * isinstance(scheduler, twins.ReduceLROnPlateau))
    return rates


def test_every_schedule_has_a_twin() -> None:
    assert set(CASES) == set(SCHEDULES)


@pytest.mark.parametrize(
    ("text", "make", "unit"), [case for cases in CASES.values() for case in cases], ids=lambda value: str(value)[:24]
)
def test_every_step_has_the_rate_of_torch(text: str, make: Callable[[Any], Any], unit: str) -> None:
    schedule = make_schedule(text)
    assert [schedule(at) for at in moments()] == pytest.approx(theirs(make, unit), rel=1e-12)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_a_warm_up_in_front_multiplies(name: str) -> None:
    alone, warmed = make_schedule(name), make_schedule(f"warmup 10, {name}")
    for at in moments():
        assert warmed(at) == pytest.approx(alone(at) * min(1, (at.step + 1) / 10))


@pytest.mark.parametrize("text", [*SCHEDULES, "one-cycle 0.25", "one-cycle 0.5"])
@pytest.mark.parametrize("total", [1, 2, 3, 4, 7])
def test_short_runs_have_finite_rates_too(text: str, total: int) -> None:
    schedule = make_schedule(text)
    rates = [schedule(Moment(i, total, 1, tuple([1.0] * i))) for i in range(total)]
    assert all(math.isfinite(rate) and 0 <= rate <= 1 + 1e-12 for rate in rates), rates


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_the_rate_depends_on_nothing_but_the_moment(name: str) -> None:
    schedule = make_schedule(name)
    forth = [schedule(at) for at in moments()]
    back = [schedule(at) for at in reversed(moments())]
    assert forth == back[::-1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stpe 3",
        "step x",
        "step 0",
        "step 1 2 3",
        "warmup 0",
        "cosine, step",
        "one-cycle 0",
        "one-cycle 1 25",
        ",",
        "sweep 0",
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(text: str) -> None:
    with warnings.catch_warnings(), pytest.raises(UsageError):
        make_schedule(text)
