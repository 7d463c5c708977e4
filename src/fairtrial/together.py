"""run_together makes several runs in the time of a few: the steps of those that are alike are made in one program.

Each run has its folder, events, states and bits as if it had been made alone, and may go on alone.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fairtrial.parts.datasets import load
from fairtrial.parts.optimizers import OPTIMIZERS
from fairtrial.runner import (
    Desk,
    Quiet,
    Watch,
    as_json,
    begin,
    engine_threads,
    folder_of,
    has_reached,
    interrupts,
    make_plan,
    memory_errors,
    resume,
    run,
)
from fairtrial.spec.arch import (
    GELU,
    BatchNorm,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
    walk,
)  # fmt: skip
from fairtrial.spec.errors import Busy, DamagedFile, EnvironmentDiffers, NewerVersion
from fairtrial.spec.events import Event
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.store import MADE, Record, Store, json_of
from fairtrial.train.loop import Course, Diverged

# What may differ between runs in a stack: each has its own numbers, batches and rule
FREE = (
    "seed", "lr", "optimizer", "momentum", "betas", "weight_decay", "l1", "l2", "schedule", "init", "average",
    "augment", "outliers", "patience",
)  # fmt: skip
LAYERS = (Linear, BatchNorm, Dropout, ReLU, LeakyReLU, SiLU, GELU, Sigmoid, Tanh, Softmax, LogSoftmax, Flatten)
WRITERS = 8  # runs whose events are written at the same time: the disk's promises cost less together


def alike(recipe: Recipe) -> str:
    """Recipes with the same answer may go through their steps together; empty: this one always goes alone."""
    alone = recipe.engine != "torch" or recipe.device not in ("auto", "cpu") or recipe.precision == "bf16"
    if alone or recipe.clip or recipe.compile or OPTIMIZERS[recipe.optimizer].whole or "plateau" in recipe.schedule:
        return ""
    same: dict[str, Any] = {field: Recipe.model_fields[field].default for field in FREE}
    key = recipe.model_copy(update=same).canonical()
    return key if _stackable(key) else ""


@functools.cache
def _stackable(recipe: str) -> bool:
    """Whether a stack knows all the layers of its net: those of a multilayer perceptron."""
    plan = make_plan(make_recipe(json.loads(recipe)))
    return all(
        isinstance(layer, LAYERS if len(shape) == 1 else Flatten) for _, layer, shape in walk(plan.arch, plan.input)
    )


def run_together(
    recipes: Sequence[Recipe], store: Store, *, name: str = "", until: int = 0, watch: Watch | None = None
) -> dict[Recipe, Record]:
    """The records of recipes as `run` makes them; where they are not `alike`, or it does not pay, only of the first.

    Those that are missing are left to be made; so are the others where a record was stopped by a signal.
    """
    watch = watch or Quiet()
    made: dict[Recipe, Record] = {}
    if len(recipes) > 1 and alike(recipes[0]) and len(set(map(alike, recipes))) == 1:
        with contextlib.suppress(
            Busy, DamagedFile, EnvironmentDiffers, NewerVersion
        ):  # each run alone will say which, and of whom
            made = _stacked(recipes, store, name, until, watch)
    if not made:
        made[recipes[0]] = run(recipes[0], store, name=name, until=until, watch=watch)
    return made


def _stacked(recipes: Sequence[Recipe], store: Store, name: str, until: int, watch: Watch) -> dict[Recipe, Record]:
    """The records of those that a stack has made; none where it does not pay."""
    from fairtrial.engine.torch_net import pick_device  # needs torch
    from fairtrial.train.stack import key, train_together, tried

    data = load(recipes[0].data, skip_bad=recipes[0].skip_bad, progress=watch.wait)
    plans = [make_plan(recipe) for recipe in recipes]
    arch, shape = plans[0].arch, plans[0].input
    if pick_device(recipes[0].device) != "cpu" or data.shape != plans[0].image:
        return {}
    with interrupts() as signals, memory_errors(), engine_threads(recipes[0]), contextlib.ExitStack() as held:
        desks: dict[Course, Desk] = {}
        for plan in plans:
            folder = folder_of(plan.recipe, data, store, name)
            if has_reached(store, folder, until):
                continue
            held.enter_context(store.hold(folder))
            job = begin(plan, data, store, folder, None, False)
            past = resume(job, watch, False)
            course = Course(plan.recipe, job.state, job.stream, plan.criterion, past)
            job.stream.images = next(iter(desks), course).stream.images  # one copy serves all
            desks[course] = Desk(job, past, watch, signals)
        courses = sorted(_in_step(desks), key=lambda course: repr(key(course)))
        if len(courses) < 2 or not tried(courses, arch, shape).pays:
            return {}

        def stop() -> bool:
            return bool(signals) or any(0 < until <= t.state.step / t.stream.per_epoch for t in courses)

        def write(course: Course, events: Sequence[Event]) -> None:
            for event in events:
                desks[course].write(event)

        for course in courses:
            folder = desks[course].job.name
            store.put(folder, MADE, as_json({**json_of(store, folder, MADE), "together": len(courses)}))
            watch.begin(folder, course.recipe, course.total, course.state.step)
        diverged: dict[Course, Diverged] = {}
        with ThreadPoolExecutor(WRITERS) as writers:
            for events, errors in train_together(courses, arch, shape, stop):
                diverged |= errors
                list(writers.map(write, events, events.values()))
                for event in (event for several in events.values() for event in several):
                    watch.see(event)
        for course in courses:
            desks[course].close(diverged.get(course))
    return {course.recipe: store.read(desks[course].job.name) for course in courses}


def _in_step(courses: Iterable[Course]) -> list[Course]:
    """The most of them that have made equally many steps, of equally many in an epoch."""
    groups: dict[tuple[int, int], list[Course]] = {}
    for course in courses:
        groups.setdefault((course.state.step, course.stream.per_epoch), []).append(course)
    return max(groups.values(), key=len, default=[])
