"""The two halves joined, for Python and the command line alike: make a study's runs, judge them, write the report."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any, Protocol

from fairtrial.parts.datasets import load
from fairtrial.parts.metrics import MEASURES, PREFIX, check_metric
from fairtrial.report.contract import comparison_json
from fairtrial.runner import Quiet, Watch, effective, make_plan, slug
from fairtrial.spec.errors import UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore, Record, Store
from fairtrial.study.execute import EXECUTORS, cores, serial
from fairtrial.study.plan import Study, make_study
from fairtrial.verdicts import Comparison, compare_records


class StudyWatch(Protocol):
    """Someone who looks on while a study is made."""

    def begin(self, total: int, reused: int) -> None: ...

    def done(self, arm: str, seed: int, record: Record) -> None: ...


class _Nobody:
    def begin(self, total: int, reused: int) -> None: ...

    def done(self, arm: str, seed: int, record: Record) -> None: ...


def compare(
    recipe: Recipe | None = None,
    *,
    seeds: int = 5,
    store: Store | None = None,
    jobs: int = 0,
    margin: float = 0.005,
    metric: str = "test/accuracy",
    **levels: Sequence[Any],
) -> Comparison:
    """Compare the levels of one or more fields, `optimizer=["adam", "sgd"]`, over several seeds paired across arms.

    Runs that the store holds already are used. `jobs` 0 takes a process for each core; `margin` is the difference in
    the metric that would not matter. Prints the table; in a notebook the value shows its page.
    """
    base = recipe or Recipe()
    many = {field: _levels(field, values) for field, values in levels.items()}
    study = make_study(slug(base.model), base, many, seeds)
    store = store or FolderStore()
    comparison = make(study, store, jobs=jobs, margin=margin, metric=metric)
    from rich.console import Console

    from fairtrial.report.text import show_comparison

    show_comparison(comparison, Console())
    if isinstance(store, FolderStore):
        given = {**many, "seeds": seeds, "margin": margin, "metric": metric}
        command = f"ft.compare(ft.Recipe({_words(base.model_dump(exclude_defaults=True))}), {_words(given)})"
        print(f"report: {write_report(comparison, store, command)['report']}")
    return comparison


def _words(arguments: dict[str, Any]) -> str:
    """Keyword arguments as Python writes them."""
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


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
    margin: float = 0.005,
    metric: str = "test/accuracy",
    until_settled: bool = False,
    watch: Watch | None = None,
    progress: StudyWatch | None = None,
) -> Comparison:
    """Make the runs of a study that the store does not hold yet, and judge them all.

    `until_settled` looks after every seed, by a method that allows for it, and stops when every pair is decided; the
    study's seeds are then the most there can be. Looks go in the order of seeds, whatever order runs end in.
    """
    if not 0 < margin < inf:
        raise UsageError(f"margin={margin:g}: it must be above 0")
    if executor not in EXECUTORS:
        raise UsageError(f"executor={executor}: there are {', '.join(EXECUTORS)}")
    check_metric(metric)
    work = EXECUTORS[executor](jobs or cores()) if isinstance(store, FolderStore) else serial
    tasks, progress = study.recipes(), progress or _Nobody()
    watch = watch or Quiet()
    refuse_equal_arms({arm: effective(make_plan(recipe)) for arm, recipe in study.arms.items()})
    sources = {recipe.data for recipe in study.arms.values()}  # read here, not by every worker at the same time
    fingerprints = {data: load(data, progress=watch.wait).fingerprint for data in sources}
    names = [finished(store, recipe.id(fingerprints[recipe.data])) for _, recipe in tasks]
    todo = [place for place, name in enumerate(names) if not name]
    progress.begin(len(tasks), len(tasks) - len(todo))
    judged = Judged(study, store, metric, margin, until_settled)
    settled = judged.settled(names)
    left = [] if settled else todo
    with closing(work(store, [tasks[place][1] for place in left], watch)) as ends:
        for place, name in ends:
            names[left[place]] = name
            progress.done(tasks[left[place]][0], tasks[left[place]][1].seed, store.read(name))
            if settled := judged.settled(names):
                break  # closing ends the workers; what they were at is saved for a study with more seeds
    return judged.after(settled or len(study.seeds), names)


@dataclass
class Judged:
    """Judges a study, of which the names of its runs are known as they end, seed by seed and arm by arm."""

    study: Study
    store: Store
    metric: str
    margin: float
    until_settled: bool
    looked: int = 1  # seeds that were looked at; fewer than two show nothing

    def settled(self, names: list[str]) -> int:
        """The number of seeds at which every pair was decided first; 0 as long as there is none, or nobody asked."""
        ended = next((place for place, name in enumerate(names) if not name), len(names)) // len(self.study.arms)
        while self.until_settled and self.looked < ended:
            self.looked += 1
            if all(pair.judged.verdict != "undecided" for pair in self.after(self.looked, names).pairs):
                return self.looked
        return 0

    def after(self, seeds: int, names: list[str]) -> Comparison:
        """The comparison by the first so many seeds."""
        count = len(self.study.arms)
        arms = {
            arm: (
                self.study.fields(arm),
                [measured(self.store.read(name), self.metric) for name in names[place : seeds * count : count]],
            )
            for place, arm in enumerate(self.study.arms)
        }
        return compare_records(
            self.study.name, arms, metric=self.metric, margin=self.margin, at_any_time=self.until_settled
        )


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


def finished(store: Store, run_id: str) -> str:
    """The name of that run if the store holds it, ended; else nothing."""
    name = store.find(run_id)
    return name if name and store.read(name).end else ""


def write_report(comparison: Comparison, store: FolderStore, command: str) -> dict[str, Any]:
    """Write study.json, report.html, scores.csv and the chart to `studies/<name>-<id>/`; returns what --json prints.

    `command` makes the study again. A report that is there already, from the same runs and settings, is left alone.
    """
    from fairtrial.report.charts import comparison_chart, write_chart
    from fairtrial.report.page import comparison_page

    settings = [comparison.metric, str(comparison.margin), str(comparison.alpha)]
    identity = "\n".join([*settings, *(run for arm in comparison.arms for run in arm.runs)])
    folder = f"studies/{slug(comparison.study)}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    path = store.root / folder
    plain = comparison_json(comparison, path)
    written = (json.dumps(plain, indent=2) + "\n").encode()
    if store.get(folder, "study.json") != written:
        store.put(folder, "scores.csv", scores_csv(comparison).encode())
        store.put(folder, "report.html", comparison_page(comparison, command).encode())
        write_chart(comparison_chart(comparison), path / "chart")
        store.put(folder, "study.json", written)  # last: it says that the others are whole
    return plain


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


def run_charts(record: Record, store: FolderStore) -> list[Path]:
    """Write the run's learning curves as SVG and PNG into its folder."""
    from fairtrial.report.charts import run_chart, write_chart

    return write_chart(run_chart(record), store.root / record.name / "curves")
