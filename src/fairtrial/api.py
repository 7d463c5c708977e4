"""The two halves joined, for Python and the command line alike: make a study's runs, judge them, write the report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fairtrial.parts.datasets import load, test_in_train
from fairtrial.parts.metrics import MEASURES, PREFIX, check_metric
from fairtrial.report.contract import comparison_json
from fairtrial.report.notebook import StudyOutput, in_notebook
from fairtrial.runner import Quiet, Watch, check_files, effective, has_reached, make_plan, slug
from fairtrial.spec.errors import DamagedFile, UsageError
from fairtrial.spec.files import CHART, PAGE, RESULT, SCORES
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tuning import LEAST_TRIALS, TRIALS, Tuned, read_range
from fairtrial.store import FolderStore, Record, Store
from fairtrial.study.execute import Pool, Task, make_executor, serial
from fairtrial.study.ledger import begin
from fairtrial.study.plan import DEFAULT_SEEDS, LEAST_TO_SETTLE, Study, make_study, read_seeds
from fairtrial.verdicts import Comparison, Damaged, compare_records, readable

if TYPE_CHECKING:
    from fairtrial.report.profile import Profile


WIDE = 110  # characters of a line in a notebook


class StudyWatch(Protocol):
    """Someone who looks on while a study is made."""

    def tuned(self, tuned: Tuned, left: int) -> None:
        """An arm has its values; so many arms have not."""
        ...

    def begin(self, total: int, reused: int) -> None: ...

    def done(self, arm: str, seed: int, record: Record) -> None: ...

    def decided(self, arm: str, seeds: int, spared: int) -> None:
        """All pairs of an arm are decided with so many seeds; so many of its runs will not be made."""
        ...


class _Nobody:
    def tuned(self, tuned: Tuned, left: int) -> None: ...

    def begin(self, total: int, reused: int) -> None: ...

    def done(self, arm: str, seed: int, record: Record) -> None: ...

    def decided(self, arm: str, seeds: int, spared: int) -> None: ...


def compare(
    recipe: Recipe | None = None,
    *,
    seeds: int | str = 5,
    store: Store | None = None,
    executor: str = "processes",
    jobs: int = 0,
    address: str = "",
    margin: float = 0.005,
    metric: str = "test/accuracy",
    tune: Mapping[str, str] | None = None,
    trials: int = TRIALS,
    **levels: Sequence[Any],
) -> Comparison:
    """Compare the levels of one or more fields, `optimizer=["adam", "sgd"]`, over several seeds paired across arms.

    Runs that the store holds already are used. `seeds="auto"` adds seeds until every pair is decided, 30 at most;
    `executor`, `jobs` and `address` say where runs are made, 0 jobs as many as there are cores for; `margin` is the
    difference in the metric that would not matter. `tune={"lr": "1e-4..1:log"}` first finds each arm its own value, by
    so many `trials` on the training and validation part. Prints the table; in a notebook the value shows its page.
    """
    base = recipe or Recipe()
    many = {field: _levels(field, values) for field, values in levels.items()}
    ranges = tuple(read_range(field, word) for field, word in (tune or {}).items())
    count, until_settled = read_seeds(str(seeds))
    study = make_study(slug(base.model), base, many, DEFAULT_SEEDS if count is None else count)
    study = replace(study, margin=margin, metric=metric, tune=ranges, trials=trials, until_settled=until_settled)
    store = store or FolderStore()
    seen = StudyOutput(metric) if in_notebook() else None
    watch = seen and seen.watch
    comparison = make(study, store, executor=executor, jobs=jobs, address=address, watch=watch, progress=seen)
    from rich.console import Console

    from fairtrial.report.text import show_comparison

    wide = WIDE if seen else None  # a notebook gets its lines as one output, not each as one
    show_comparison(comparison, Console(force_jupyter=False, width=wide))
    if isinstance(store, FolderStore):
        given = {**many, "seeds": seeds, "margin": margin, "metric": metric}
        given |= {"tune": dict(tune), "trials": trials} if tune else {}
        print(f"report: {write_report(comparison, store, _call(base, given, store))['report']}")
    return comparison


def _call(base: Recipe, given: dict[str, Any], store: FolderStore) -> str:
    """The call of `compare` as one would write it."""
    recipe = f"ft.Recipe({_words(base.model_dump(mode='json', exclude_defaults=True))})"
    place = "" if store.root == FolderStore().root else f", store=ft.FolderStore({store.path!r})"
    return f"import fairtrial as ft\nft.compare({recipe}, {_words(given)}{place})"


def _words(arguments: dict[str, Any]) -> str:
    """Keyword arguments as Python writes them; a NumPy number as the number that it is."""
    plain = json.loads(json.dumps(arguments, default=str))
    return ", ".join(f"{name}={value!r}" for name, value in plain.items())


def _levels(field: str, values: Any) -> list[Any]:
    """The levels that a keyword gives; a single value is one, and so is the pair of numbers that is one for betas."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        return [values]
    many = list(values)
    return [values] if field == "betas" and not any(isinstance(level, Iterable) for level in many) else many


def make(
    study: Study,
    store: Store,
    *,
    executor: str = "processes",
    jobs: int = 0,
    address: str = "",
    watch: Watch | None = None,
    progress: StudyWatch | None = None,
) -> Comparison:
    """Tune the arms of a study if it asks for that, make the runs that the store does not hold yet, and judge them.

    Where seeds are added until all is settled, an arm gets no more of them once all its pairs are decided. `jobs` and
    `address` are the executor's.
    """
    check(study)
    work = make_executor(executor, jobs, address) if isinstance(store, FolderStore) else serial
    watch, progress = watch or Quiet(), progress or _Nobody()
    sources = {(recipe.data, recipe.skip_bad) for recipe in study.arms.values()}
    data = {word: load(word, skip_bad=skip, progress=watch.wait) for word, skip in sources}  # not by every worker
    fingerprints = {word: each.fingerprint for word, each in data.items()}

    def find(task: Task) -> str:
        """The name of the task's run if the store holds it, as far as asked; else nothing.

        DamagedFile if it can never come so far.
        """
        name = store.find(task.recipe.id(fingerprints[task.recipe.data]))
        if not name or has_reached(store, name, task.until):
            return name
        check_files(store, name)
        return ""

    with work(store, watch) as pool:
        folder = begin(study, fingerprints, store)
        tuning: list[Tuned] = []
        if study.tune:
            from fairtrial.study.tune import tune  # needs optuna

            for tuned in tune(study, pool, store, find):
                tuning.append(tuned)
                progress.tuned(tuned, len(study.arms) - len(tuning))
        tuning.sort(key=lambda tuned: list(study.arms).index(tuned.arm))
        judged = Judged(study.at(tuning), store, tuple(tuning))
        make_runs(judged, pool, find, progress)
    leaks = {word: test_in_train(each) for word, each in data.items()}
    return replace(judged.comparison(), folder=folder, test_in_train=leaks)


def check(study: Study) -> None:
    """UsageError for a study that cannot be meant, before any work."""
    if not 0 < study.margin < inf:
        raise UsageError(f"margin={study.margin:g}: it must be above 0")
    if study.trials < LEAST_TRIALS:
        raise UsageError(f"trials={study.trials}: at least {LEAST_TRIALS}")
    check_metric(study.metric)
    at_one = {each.field: each.low for each in study.tune}  # arms that differ only in what is tuned are one arm
    refuse_equal_arms({arm: effective(make_plan(recipe)) for arm, recipe in study.arms.items()})
    if len({recipe.but(**at_one).canonical() for recipe in study.arms.values()}) < len(study.arms):
        raise UsageError(f"{', '.join(at_one)} is tuned, and cannot set arms apart as well")
    if study.metric.startswith("test/") and not all(recipe.score_test for recipe in study.arms.values()):
        raise UsageError(f"metric={study.metric}, but score_test=false leaves no such score")
    if study.tune and not all(recipe.valid for recipe in study.arms.values()):
        raise UsageError("tuning scores on the validation part, but valid=0 leaves none")


def make_runs(judged: Judged, pool: Pool, find: Callable[[Task], str], progress: StudyWatch) -> None:
    """Make the runs that are not there yet, of each arm as long as the study asks for more."""
    # Made together are only seeds that are needed anyhow
    tasks = {
        Task(recipe, among=str(recipe.seed) if judged.study.until_settled else ""): (arm, recipe.seed)
        for arm, recipe in judged.study.recipes()
    }
    for task, run in tasks.items():
        try:
            if name := find(task):
                judged.names[run] = name
        except DamagedFile as error:
            judged.damaged[run] = Damaged(run[0], str(error))
    judged.look()
    known = judged.names.keys() | judged.damaged.keys()
    left = [task for task, run in tasks.items() if run not in known and run[0] not in judged.closed]
    progress.begin(len(judged.names) + len(left), len(judged.names))
    for task in left:
        pool.submit(task)
    waiting = set(left)
    while any(tasks[task][0] not in judged.closed for task in waiting):
        task, name = pool.next()
        waiting.remove(task)
        judged.names[tasks[task]] = name
        progress.done(*tasks[task], judged.store.read(name))
        for arm in judged.look():
            spared = pool.withdraw([task for task in waiting if tasks[task][0] == arm])
            waiting -= spared
            progress.decided(arm, judged.closed[arm], len(spared))
    # the pool's end saves what is under way of arms that are closed, for a study with more seeds


@dataclass
class Judged:
    """Judges a study, of which the names of its runs are known as they end.

    Where seeds are added until all is settled, it looks after every seed of the arms that are open, in the order of
    seeds, whatever order runs end in; an arm whose pairs are all decided is closed, and gets no more seeds.
    """

    study: Study
    store: Store
    tuning: tuple[Tuned, ...] = ()
    names: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])  # by arm and seed
    damaged: dict[tuple[str, int], Damaged] = field(default_factory=dict[tuple[str, int], Damaged])  # cannot go on
    measured: dict[str, Record] = field(default_factory=dict[str, Record])  # a measure may take its time
    looked: int = 1  # seeds that were looked at; fewer than two show nothing
    closed: dict[str, int] = field(default_factory=dict[str, int])  # arms, and with how many seeds

    def look(self) -> list[str]:
        """Look as often as there are new seeds of all open arms; returns the arms that this closed."""
        before = set(self.closed)
        while self.study.until_settled and self._ready():
            self.looked += 1
            going_on = unsettled(self.comparison())
            self.closed |= {arm: self.looked for arm in self._open() if arm not in going_on}
        return [arm for arm in self.closed if arm not in before]

    def _open(self) -> list[str]:
        return [arm for arm in self.study.arms if arm not in self.closed]

    def _ready(self) -> bool:
        """Whether all open arms have one seed more than was looked at."""
        seeds, still = self.study.seeds[: self.looked + 1], self._open()
        new = bool(still) and len(seeds) > self.looked
        known = self.names.keys() | self.damaged.keys()
        return new and all((arm, seed) in known for seed in seeds for arm in still)

    def record(self, name: str) -> Record:
        """The run with the study's metric."""
        if name not in self.measured:
            self.measured[name] = measured(self.store.read(name), self.study.metric)
        return self.measured[name]

    def comparison(self) -> Comparison:
        """The arms by the seeds that were looked at; where nobody asked for looks, by all."""
        study = self.study
        seeds = study.seeds[: self.looked] if study.until_settled else study.seeds
        arms: dict[str, tuple[dict[str, Any], list[Record]]] = {}
        damaged = list(self.damaged.values())
        for arm in study.arms:
            names = [self.names[arm, seed] for seed in seeds[: self.closed.get(arm)] if (arm, seed) in self.names]
            records, lost = readable(arm, names, self.record)
            arms[arm] = study.fields(arm), records
            damaged += lost
        return compare_records(
            study.name, arms, metric=study.metric, margin=study.margin, at_any_time=study.until_settled,
            tuning=self.tuning, damaged=damaged,
        )  # fmt: skip


def unsettled(comparison: Comparison) -> set[str]:
    """Arms of pairs that more seeds may decide: not of those with an arm of which no run came to its end."""
    lost = {arm.name for arm in comparison.arms if not arm.values and len(arm.runs) >= LEAST_TO_SETTLE}
    pairs = [{pair.a, pair.b} for pair in comparison.pairs if pair.judged.verdict == "undecided"]
    return set[str]().union(*(pair for pair in pairs if lost.isdisjoint(pair)))


def measured(record: Record, metric: str) -> Record:
    """The record with one more score, if the metric is a measure: it is worked out from the run's best weights."""
    end = record.end
    if not metric.startswith(PREFIX) or end is None or end.reason == "diverged":
        return record
    value = MEASURES[metric.removeprefix(PREFIX)](record)
    return replace(record, events=(*record.events[:-1], replace(end, scores={**end.scores, metric: value})))


def refuse_equal_arms(arms: dict[str, Recipe]) -> None:
    """UsageError if two arms differ only in words that the net or the optimizer does not use."""
    seen: dict[Recipe, str] = {}
    for arm, recipe in arms.items():
        if recipe in seen:
            both = f"the arms {seen[recipe]!r} and {arm!r}"
            raise UsageError(f"{both} are the same run: this net and optimizer do not use what differs")
        seen[recipe] = arm


def write_report(comparison: Comparison, store: FolderStore, command: str) -> dict[str, Any]:
    """Write study.json, report.html, scores.csv and the chart to the study's folder; returns what --json prints.

    `command` makes the study again. A report that is there already, from the same runs and settings, is left alone.
    """
    from fairtrial.report.charts import comparison_chart, write_chart
    from fairtrial.report.page import comparison_page

    folder = comparison.folder
    path = store.root / folder
    plain = comparison_json(comparison, Path(folder))
    written = (json.dumps(plain, indent=2) + "\n").encode()  # wherever the store is
    whole = {SCORES, PAGE, f"{CHART}.svg", f"{CHART}.png"} <= set(store.files(folder))
    if not whole or store.get(folder, RESULT) != written:
        store.put(folder, SCORES, scores_csv(comparison).encode())
        store.put(folder, PAGE, comparison_page(comparison, command).encode())
        write_chart(comparison_chart(comparison), path / CHART)
        store.put(folder, RESULT, written)  # last: it says that the others are whole
    return {**plain, "path": str(path), "report": str(path / PAGE)}


def scores_csv(comparison: Comparison) -> str:
    """Every run's score: arm, seed, metric, value, run."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["arm", "seed", comparison.metric, "run"])
    for arm, records in comparison.records.items():
        rows.writerows(
            [arm, r.recipe.seed, r.end.scores.get(comparison.metric, "") if r.end else "", r.name] for r in records
        )
    return out.getvalue()


def write_profile(made: Profile, store: FolderStore) -> list[Path]:
    """Write where a run's time went, as JSON, SVG and PNG, into its folder."""
    from fairtrial.report.charts import profile_chart, write_chart
    from fairtrial.runner import as_json

    store.put(made.record.name, "profile.json", as_json(made.plain()))
    return write_chart(profile_chart(made), store.root / made.record.name / "profile")


def run_charts(record: Record, store: FolderStore) -> list[Path]:
    """Write the run's learning curves as SVG and PNG into its folder."""
    from fairtrial.report.charts import run_chart, write_chart

    return write_chart(run_chart(record), store.root / record.name / "curves")
