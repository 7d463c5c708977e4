"""How many threads a run is quickest with: a few of its steps with 1, 2, 4, ... in turn, before it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import Any

from fairtrial.parts.datasets import facts, load
from fairtrial.runner import Job, Quiet, Watch, begin, engine_threads, whole_plan
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore, MemoryStore, Store
from fairtrial.study.execute import cores
from fairtrial.train.loop import advance

NEAR = 1.05  # of the shortest time: the smallest number of threads within that is taken
PIECE = 0.03  # seconds of steps between two changes of the number of threads, or a single step
ROUNDS, BUDGET = 15, 1.8  # changes there and back, as long as there are seconds left


def pick_threads(
    recipe: Recipe,
    store: Store | None = None,
    *,
    module: Callable[[], Any] | None = None,
    watch: Watch | None = None,
) -> Recipe:
    """The recipe with the number of threads that makes its steps quickest here, the smallest of nearly equal ones.

    A run of the recipe that the store holds keeps the number it was begun with, so that the same call goes on with it.
    """
    watch, store = watch or Quiet(), FolderStore() if store is None else store
    counts = [2**k for k in range(cores().bit_length())]
    plan = whole_plan(recipe, module, facts(recipe.data))
    data = load(recipe.data, skip_bad=recipe.skip_bad, progress=watch.wait)
    for count in counts:
        if found := store.find(plan.recipe.but(threads=count).id(data.fingerprint)):
            watch.say(f"threads={count}: as run {found} was begun")
            return recipe.but(threads=count)
    orphan = replace(plan, recipe=plan.recipe.but(parent=""))  # steps cost the same, whatever the weights
    job = begin(orphan, data, MemoryStore(), "probe", module, from_scratch=False)
    times = measure(job, counts)
    count = pick(times)
    gains = ", ".join(f"{median(times[1]) / median(times[more]):.2f} with {more}" for more in counts[1:])
    watch.say(f"threads={count}: steps a second over those with 1 thread: {gains or 'one core, nothing to measure'}")
    return recipe.but(threads=count)


def measure(job: Job, counts: list[int]) -> dict[int, list[float]]:
    """Seconds of a step with each number of threads, in rounds."""
    began = perf_counter()
    steps = max(1, int(PIECE / min(seconds(job, count, 1) for count in counts for _ in range(2))))  # the first warms up
    times: dict[int, list[float]] = {count: [] for count in counts}
    for _ in range(ROUNDS):
        for count in counts:
            times[count].append(seconds(job, count, steps))
        if perf_counter() - began > BUDGET:
            break
    return times


def seconds(job: Job, threads: int, steps: int) -> float:
    """Seconds of a step with so many threads, mean of so many steps; at a rate of 0, so that nothing can diverge."""
    recipe, criterion = job.plan.recipe.but(threads=threads), job.plan.criterion
    table = job.state.net.array(criterion.table)
    job.state.step = 0
    with engine_threads(recipe):
        began = perf_counter()
        for _ in range(steps):
            advance(recipe, job.state, job.stream, criterion, table, 0.0)
        job.state.net.wait()
        return (perf_counter() - began) / steps


def pick(times: Mapping[int, list[float]]) -> int:
    """The smallest number of threads whose median is near the best."""
    medians = {count: median(seen) for count, seen in times.items()}
    return min(count for count, middle in medians.items() if middle <= NEAR * min(medians.values()))
