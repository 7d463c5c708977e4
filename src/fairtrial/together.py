"""run_together makes several runs in the time of a few: the steps of those that are alike are made in one program.

Each run has its folder, events, states and bits as if it had been made alone, and may go on alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from fairtrial.parts.datasets import load
from fairtrial.parts.optimizers import OPTIMIZERS
from fairtrial.runner import (
    Desk,
    Quiet,
    Watch,
    begin,
    engine_threads,
    has_reached,
    interrupts,
    make_plan,
    memory_errors,
    resume,
    run,
    slug,
    was_stopped,
)
from fairtrial.spec.errors import Busy, DamagedFile, EnvironmentDiffers
from fairtrial.spec.events import Event
from fairtrial.spec.recipe import Recipe
from fairtrial.store import Record, Store

if TYPE_CHECKING:
    from fairtrial.train.stack import Trainee

# What may differ between runs in a stack: each has its own numbers, batches and rule
FREE = (
    "seed", "lr", "optimizer", "momentum", "betas", "weight_decay", "l1", "l2", "schedule", "init", "average",
    "augment", "outliers", "patience",
)  # fmt: skip
WRITERS = 8  # runs whose events are written at the same time: the disk's promises cost less together


def alike(recipe: Recipe) -> str:
    """Recipes with the same answer may go through their steps together; empty: this one always goes alone."""
    alone = recipe.engine != "torch" or recipe.device not in ("auto", "cpu") or recipe.precision == "bf16"
    if alone or recipe.clip or OPTIMIZERS[recipe.optimizer].whole or "plateau" in recipe.schedule:
        return ""
    same: dict[str, Any] = {field: Recipe.model_fields[field].default for field in FREE}
    return recipe.model_copy(update=same).canonical()


def run_together(
    recipes: Sequence[Recipe], store: Store, *, name: str = "", until: int = 0, watch: Watch | None = None
) -> list[Record]:
    """The records of recipes that are `alike`, as `run` makes them; those that a signal left unmade are missing.

    What is not made yet is made in a stack where that is quicker and comes to the same bits, else one after the other.
    """
    watch = watch or Quiet()
    if len(recipes) > 1:
        with contextlib.suppress(Busy, DamagedFile, EnvironmentDiffers):  # each run alone will say which, and of whom
            stopped = _stacked(recipes, store, name, until, watch)
            if stopped:
                return stopped
    records: list[Record] = []
    for recipe in recipes:
        records.append(run(recipe, store, name=name, until=until, watch=watch))
        if was_stopped(records[-1]):
            break
    return records


def _stacked(recipes: Sequence[Recipe], store: Store, name: str, until: int, watch: Watch) -> list[Record]:
    """Make those of the runs that a stack can make; the records of those that a signal stopped."""
    from fairtrial.engine.stacked import stackable  # needs torch
    from fairtrial.engine.torch_net import pick_device
    from fairtrial.train.stack import Trainee, train_together, tried

    data = load(recipes[0].data, progress=watch.wait)
    plans = [make_plan(recipe) for recipe in recipes]
    arch, shape = plans[0].arch, plans[0].input
    if pick_device(recipes[0].device) != "cpu" or data.shape != plans[0].image or not stackable(arch, shape):
        return []
    with interrupts() as signals, memory_errors(), engine_threads(recipes[0]), contextlib.ExitStack() as held:
        desks: dict[Trainee, Desk] = {}
        for plan in plans:
            run_id = plan.recipe.id(data.fingerprint)
            found = store.find(run_id)
            if found and has_reached(store, found, until):
                continue
            folder = found or f"{slug(name or plan.recipe.model)}-{run_id}"
            held.enter_context(store.hold(folder))
            job = begin(plan, data, store, folder, None, False)
            past = resume(job, watch, False)
            trainee = Trainee(plan.recipe, job.state, job.stream, plan.criterion, past)
            job.stream.images = next(iter(desks), trainee).stream.images  # one copy serves all
            desks[trainee] = Desk(job, past, watch)
        trainees = sorted(_in_step(desks), key=lambda trainee: repr(trainee.key))
        if len(trainees) < 2 or not tried(trainees, arch, shape).pays:
            return []

        def stop() -> bool:
            return bool(signals) or any(0 < until <= t.state.step / t.stream.per_epoch for t in trainees)

        def write(trainee: Trainee, events: Sequence[Event]) -> None:
            for event in events:
                desks[trainee].write(event)

        for trainee in trainees:
            watch.begin(desks[trainee].job.name, trainee.recipe, trainee.total, trainee.state.step)
        diverged: dict[Trainee, str] = {}
        with ThreadPoolExecutor(WRITERS) as writers:
            for events, errors in train_together(trainees, arch, shape, stop):
                diverged |= {trainee: str(error) for trainee, error in errors.items()}
                list(writers.map(write, events, events.values()))
                for event in (event for several in events.values() for event in several):
                    watch.see(event)
        for trainee in trainees:
            desks[trainee].close(diverged.get(trainee, ""), signals)
        records = [store.read(desks[trainee].job.name) for trainee in trainees]
    return [record for record in records if was_stopped(record)]


def _in_step(trainees: Iterable[Trainee]) -> list[Trainee]:
    """The most of them that have made equally many steps, of equally many in an epoch."""
    groups: dict[tuple[int, int], list[Trainee]] = {}
    for trainee in trainees:
        groups.setdefault((trainee.state.step, trainee.stream.per_epoch), []).append(trainee)
    return max(groups.values(), key=len, default=[])
