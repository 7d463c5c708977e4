"""Put NaN and infinities into trainings, wherever one may arise, and see when they are found and what is left.

    python campaigns/not_finite.py [--nets 5]

The nets of the campaign of kills on both engines; into each, one number in the middle of an epoch. In a step: into a
pixel, a target, the loss, its gradient, a gradient of a weight; that step must end the run as "diverged", and no weight
may have taken it. Between two steps: into weights, running statistics, what the optimizer or an average remembers, or
the learning rate; the next step must find it, or the next save if nothing but a look at each number can (a ReLU makes
0 of minus infinity; running statistics and averages are not used before scoring). In the end the files must be those
that there were before the number, and the state among them must be good.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
from disk import Silent, Unsynced
from kills import NETS

from fairtrial.parts.datasets import facts, load
from fairtrial.parts.losses import Loss
from fairtrial.parts.schedules import SCHEDULES, make_schedule
from fairtrial.runner import Job, begin, folder_of, make_plan, newest_good, resume, work
from fairtrial.spec.arrays import Array
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.store import EVENTS, FolderStore
from fairtrial.train.state import State
from fairtrial.train.stream import Stream

SAVED, STEP, SAVE = 8, 10, 12  # the last save; the step that goes wrong, the third of an epoch of seven; the next save
TOO_HIGH = (1e30, 1e39, 1e300)  # times the recipe's rate
BATCH = ("a pixel", "a target", "the loss", "the gradient of the outputs", "the gradient of a weight")


def first(numbers: Mapping[str, Array], ending: str = "") -> Array | None:
    """The first of these whose name ends so."""
    return next((array for name, array in numbers.items() if name.endswith(ending)), None)


NUMBERS: dict[str, Callable[[State], Array | None]] = {
    "the first weight": lambda state: first(state.net.params, "weight"),
    "the last bias": lambda state: [*state.net.params.values()][-1],
    "the scale of a norm": lambda state: first({k: v for k, v in state.net.params.items() if "norm" in k}),
    "a running mean": lambda state: first(state.net.buffers, "running_mean"),
    "a running variance": lambda state: first(state.net.buffers, "running_var"),
    "a momentum": lambda state: first(state.optimizer.memory),
    "a mean of squares": lambda state: first({k: v for k, v in state.optimizer.memory.items() if "sq" in k}),
    "an average": lambda state: first(state.slow),
}
PLACES = (*BATCH, *NUMBERS, "the learning rate")


@dataclass
class Fault:
    """A number that comes up in a run at one place; told of each lap of the loop, it puts it there."""

    place: str
    value: float
    job: Job
    at_work: bool = False  # between the reading of the batch and the end of its loss
    weights: bytes = b""  # just before the number was put in
    files: dict[str, bytes] | None = None

    def lap(self, part: str) -> None:
        state = self.job.state
        due = state.step == STEP - 1
        self.at_work = due and part == "data"
        if self.at_work:
            self.weights, self.files = weights(state), files(self.job)
            if self.place in NUMBERS:
                array = NUMBERS[self.place](state)
                assert array is not None
                self.into(array)
        elif due and part == "backward" and self.place == "the gradient of a weight":
            self.into(next(iter(state.net.grads.values())))

    def into(self, array: Array) -> None:
        array[(0,) * array.ndim] = self.value


class SpoiltStream(Stream):
    """Images of which one has a bad pixel."""

    fault: Fault

    def batch(self, step: int) -> tuple[Array, Array]:
        x, labels = super().batch(step)
        if step == STEP - 1:
            self.fault.into(x)
        return x, labels


@dataclass(frozen=True)
class SpoiltLoss(Loss):
    """A loss that has, or gives, a bad number."""

    loss: Loss
    fault: Fault

    def __call__(self, xp: Any, y: Array, t: Array) -> tuple[Array, Array]:
        if not self.fault.at_work:
            return self.loss(xp, y, t)
        if self.fault.place == "a target":
            self.fault.into(t)
        loss, dy = self.loss(xp, y, t)
        if self.fault.place == "the gradient of the outputs":
            self.fault.into(dy)
        return (loss * self.fault.value if self.fault.place == "the loss" else loss), dy


def spoilt(job: Job, fault: Fault) -> Job:
    """The run with the fault in one of its parts."""
    plan = job.plan
    if fault.place == "a pixel":
        stream = SpoiltStream(**{name: getattr(job.stream, name) for name in Stream.__dataclass_fields__})
        stream.fault = fault
        return replace(job, stream=stream)
    if fault.place == "the learning rate":
        sound = make_schedule(plan.recipe.schedule)
        SCHEDULES.add("spoilt")(lambda: lambda at: sound(at) * (fault.value if at.step == STEP - 1 else 1))
        return replace(job, plan=replace(plan, recipe=plan.recipe.model_copy(update={"schedule": "spoilt"})))
    loss = SpoiltLoss(plan.criterion.loss, fault)
    return replace(job, plan=replace(plan, criterion=replace(plan.criterion, loss=loss)))


def weights(state: State) -> bytes:
    return b"".join(state.net.numpy(array).tobytes() for array in state.net.params.values())


def files(job: Job) -> dict[str, bytes]:
    """All that is kept of a run but its events."""
    return {file: job.store.get(job.name, file) or b"" for file in job.store.files(job.name) if file != EVENTS}


def started(recipe: Recipe, folder: Path) -> Job:
    """The run before its first step, or where it was."""
    plan, data, store = make_plan(recipe, known=facts(recipe.data)), load(recipe.data), FolderStore(folder, Unsynced())
    name = folder_of(recipe, data, store, "")
    with store.hold(name):
        return begin(plan, data, store, name, None, False)


def look(recipe: Recipe, place: str, value: float, folder: Path) -> tuple[str, str]:
    """When the number was found, and what was not as it should be; "" and "" where the net has no such place."""
    job = started(recipe, folder)
    if place in NUMBERS and NUMBERS[place](job.state) is None:
        return "", ""
    fault = Fault(place, value, job)
    work(spoilt(job, fault), resume(job, Silent(), False), Silent(), 0, [], fault.lap)
    end = job.store.read(job.name).end
    if end is None or end.reason != "diverged":
        return "", f"the run ended as {end and end.reason}"
    found = int(re.findall(r"step (\d+): ", end.detail)[0])
    wrong = [f"found in step {found}"] * (found > (STEP if place in BATCH else SAVE))
    wrong += ["a weight has taken it"] * (place in BATCH and weights(job.state) != fault.weights)
    wrong += ["other files than before"] * (files(job) != fault.files)
    again = started(recipe, folder)
    state = newest_good(again.store, again.name, Silent())[0]
    wrong += [f"the state is of step {state.meta['step']}"] * (state.meta["step"] != SAVED)
    wrong += [f"{name} in the state" for name, array in state.tensors.items() if not np.isfinite(array).all()]
    return {STEP: "on that step", STEP + 1: "one step later"}.get(found, "at the next save"), ", ".join(wrong)


def recipes(count: int) -> Iterator[tuple[str, Recipe]]:
    """Nets of the campaign of kills on both engines: their epochs have seven steps."""
    for name, fields in [*NETS.items()][:count]:
        for engine in ("numpy", "torch"):
            given = {**fields, "batch": 64, "epochs": 3, "images": 448, "save_every": 4, "engine": engine}
            yield f"{name}, {engine}", make_recipe({"optimizer": "adam", **given})


def campaign(chosen: Iterator[tuple[str, Recipe]], folder: Path) -> tuple[dict[str, Counter[str]], list[str]]:
    """For each place, when its numbers were found; and what was wrong."""
    told: dict[str, Counter[str]] = {place: Counter() for place in PLACES}
    wrong: list[str] = []
    for name, recipe in chosen:
        for place in PLACES:
            for value in TOO_HIGH if place == "the learning rate" else (nan, inf, -inf):
                when, said = look(recipe, place, value, folder / name / f"{place} {value}")
                told[place][when] += bool(when)
                wrong += [f"{name}: {value} in {place}: {said}"] * bool(said)
    return told, wrong


def main() -> None:
    """Print the table; exit with 1 if anything was wrong."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--nets", type=int, default=len(NETS))
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        told, wrong = campaign(recipes(given.nets), Path(folder))
    heads = ("on that step", "one step later", "at the next save")
    print(f"{'':30}", *(f"{head:>18}" for head in heads))
    for place, when in told.items():
        print(f"{place:30}", *(f"{when[head]:18}" for head in heads))
    print(*wrong, f"{sum(when.total() for when in told.values())} numbers put in, {len(wrong)} wrong", sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
