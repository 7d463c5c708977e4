"""Tuning: every arm gets the same number of short runs to find its own value, on the training and validation part.

The first two thirds of an arm's trials cover the range evenly (a Latin hypercube), the rest are drawn near the best by
Optuna's tree-structured Parzen estimator (Bergstra et al. 2011). All begin with a quarter of the epochs; those at least
as good as the median of all at that stage go on to a half, and again to the end (successive halving, Jamieson and
Talwalkar 2016). What is tried next hangs on the arm's own scores alone: any number of workers finds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from math import ceil
from statistics import median
from typing import TypeAlias

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.pruners import BasePruner
from optuna.samplers import TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.stats.qmc import LatinHypercube

from fairtrial.runner import effective, make_plan, slug
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tuning import Range, Trial, Tuned
from fairtrial.store import Record, Store
from fairtrial.study.execute import Pool, Task
from fairtrial.study.plan import Study

STAGES = (0.25, 0.5, 1.0)  # of a trial's epochs
EVEN = 2 / 3  # of the trials cover the range evenly
ROUND = 2  # trials drawn at once after that
LAST_SEED = 2**32 - 1

Search: TypeAlias = Generator[list[Task], dict[Task, Record], Tuned]  # yields tasks, is sent their records


class Halving(BasePruner):
    """Gives up a trial that is worse at its stage than the median of all trials that came so far."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        stage = trial.last_step
        if stage is None:
            return False
        scores = [other.intermediate_values for other in study.get_trials(deepcopy=False)]
        middle, own = median(s[stage] for s in scores if stage in s), trial.intermediate_values[stage]
        return own > middle if study.direction == StudyDirection.MINIMIZE else own < middle


def search(arm: str, recipe: Recipe, ranges: Sequence[Range], trials: int, metric: str) -> Search:
    """Tune an arm: yields the tasks of each stage of each round, and returns what came out."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = TPESampler(seed=recipe.seed, multivariate=len(ranges) > 1)
    study = optuna.create_study(
        direction="minimize" if metric.endswith("/loss") else "maximize", sampler=sampler, pruner=Halving()
    )
    evenly = ceil(EVEN * trials)
    for point in LatinHypercube(len(ranges), scramble=False, rng=recipe.seed).random(evenly):
        study.enqueue_trial({r.field: r.place(share) for r, share in zip(ranges, point, strict=True)})
    made: list[Trial] = []
    for size in [evenly, *(min(ROUND, trials - first) for first in range(evenly, trials, ROUND))]:
        made += yield from one_round(study, recipe, ranges, size, metric)
    planned = sum(recipe.but(**trial.values).epochs for trial in made)
    return Tuned(arm, tuple(ranges), metric, tuple(made), best(made, metric), planned)


def one_round(
    study: optuna.Study, recipe: Recipe, ranges: Sequence[Range], size: int, metric: str
) -> Generator[list[Task], dict[Task, Record], list[Trial]]:
    """So many trials side by side, stage by stage."""
    asked = [study.ask({r.field: distribution(r) for r in ranges}) for _ in range(size)]
    values = [{r.field: r.written(trial.params[r.field]) for r in ranges} for trial in asked]
    made: dict[int, Trial] = {}
    going = set(range(size))
    for stage, share in enumerate(STAGES):
        tasks = {place: task_of(recipe, values[place], share) for place in sorted(going)}
        records = yield list(tasks.values())
        for place, task in tasks.items():
            made[place] = trial_of(records[task], task.until, values[place], metric, share == 1)
            if (score := made[place].score) is not None:
                asked[place].report(score, stage)
        for place in tasks:
            if made[place].score is None or (share < 1 and asked[place].should_prune()):
                study.tell(asked[place], state=TrialState.PRUNED)
                going.remove(place)
    for place in sorted(going):
        study.tell(asked[place], made[place].score)
    return [made[place] for place in range(size)]


def task_of(recipe: Recipe, values: dict[str, float], share: float) -> Task:
    """The arm's recipe at these values, for a share of its epochs; the test part is left alone."""
    tried = recipe.but(**values, seed=LAST_SEED - recipe.seed, score_test=False, test_every=0)
    return Task(tried, ceil(share * tried.epochs), f"trial-{slug(recipe.model)}")


def trial_of(record: Record, until: int, values: dict[str, float], metric: str, complete: bool) -> Trial:
    """The trial at the end of that epoch, however far it came later; scored by its best epoch so far."""
    epochs = record.epochs[:until]
    best = next((epoch for epoch in reversed(epochs) if epoch.best), None)
    diverged = record.end is not None and record.end.reason == "diverged" and len(epochs) < until
    score = None if diverged or best is None else best.scores[metric]
    return Trial(values, score, len(epochs), complete and score is not None, record.name)


def best(trials: Sequence[Trial], metric: str) -> Trial | None:
    """The complete trial with the best score; of several, the one in the middle of their range."""
    complete = [trial for trial in trials if trial.complete]
    scores = [trial.score for trial in complete if trial.score is not None]
    if not scores:
        return None
    goal = min(scores) if metric.endswith("/loss") else max(scores)
    tied = sorted((t for t in complete if t.score == goal), key=lambda trial: tuple(trial.values.values()))
    return tied[(len(tied) - 1) // 2]


def distribution(range: Range) -> BaseDistribution:
    """The range as Optuna has it."""
    if range.whole:
        return IntDistribution(int(range.low), int(range.high), log=range.log)
    return FloatDistribution(range.low, range.high, log=range.log)


def uses(recipe: Recipe, range: Range) -> bool:
    """Whether the ends of the range make different runs: Adam has no momentum to tune."""
    low, high = (effective(make_plan(recipe.but(**{range.field: end}))) for end in (range.low, range.high))
    return low != high


def tune(study: Study, pool: Pool, store: Store, find: Callable[[Task], str]) -> Iterator[Tuned]:
    """Tune all arms side by side, each as fast as its own trials end; `find` names the run of a task done before."""
    metric = "valid/loss" if study.metric.endswith("/loss") else "valid/accuracy"
    searches: dict[str, Search] = {}
    wanted: dict[str, list[Task]] = {}
    records: dict[Task, Record] = {}
    submitted: set[Task] = set()  # once each: arms that differ only in how they are scored share their trials

    def ask(arm: str, tasks: list[Task]) -> None:
        wanted[arm] = tasks
        for task in tasks:
            if name := find(task):
                records[task] = store.read(name)
            elif task not in submitted:
                submitted.add(task)
                pool.submit(task)

    for arm, recipe in study.arms.items():
        if ranges := [each for each in study.tune if uses(recipe, each)]:
            searches[arm] = search(arm, recipe, ranges, study.trials, metric)
            ask(arm, next(searches[arm]))
        else:
            yield Tuned(arm, (), metric, (), None, 0)
    while wanted:
        ready = [arm for arm, tasks in wanted.items() if all(task in records for task in tasks)]
        for arm in ready:
            try:
                ask(arm, searches[arm].send({task: records[task] for task in wanted.pop(arm)}))
            except StopIteration as end:
                yield end.value
        if not ready:
            task, name = pool.next()
            records[task] = store.read(name)
