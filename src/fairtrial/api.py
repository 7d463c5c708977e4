"""The two halves joined, for Python and the command line alike: make a study's runs, judge them, write the report."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from fairtrial.parts.datasets import load
from fairtrial.parts.metrics import MEASURES, PREFIX, check_metric
from fairtrial.report.contract import comparison_json
from fairtrial.runner import Quiet, Watch, make_plan, slug
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
    many = {field: list(values) if _is_many(values) else [values] for field, values in levels.items()}
    study = make_study(slug(base.model), base, many, seeds)
    store = store or FolderStore()
    comparison = make(study, store, jobs=jobs, margin=margin, metric=metric)
    from rich.console import Console

    from fairtrial.report.text import show_comparison

    show_comparison(comparison, Console())
    if isinstance(store, FolderStore):
        print(f"report: {write_report(comparison, store)['report']}")
    return comparison


def _is_many(values: Any) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, str)


def make(
    study: Study,
    store: Store,
    *,
    executor: str = "processes",
    jobs: int = 0,
    margin: float = 0.005,
    metric: str = "test/accuracy",
    watch: Watch | None = None,
    progress: StudyWatch | None = None,
) -> Comparison:
    """Make the runs of a study that the store does not hold yet, and judge them all."""
    if margin <= 0:
        raise UsageError(f"margin={margin:g}: it must be above 0")
    if executor not in EXECUTORS:
        raise UsageError(f"executor={executor}: there are {', '.join(EXECUTORS)}")
    check_metric(metric)
    work = EXECUTORS[executor](jobs or cores()) if isinstance(store, FolderStore) else serial
    tasks, progress = study.recipes(), progress or _Nobody()
    watch = watch or Quiet()
    for recipe in study.arms.values():
        make_plan(recipe)
        load(recipe.data, progress=watch.wait)  # once, here, and not by every worker at the same time
    names = [finished(store, recipe) for _, recipe in tasks]
    todo = [place for place, name in enumerate(names) if not name]
    progress.begin(len(tasks), len(tasks) - len(todo))
    for place, name in work(store, [tasks[place][1] for place in todo], watch):
        names[todo[place]] = name
        progress.done(tasks[todo[place]][0], tasks[todo[place]][1].seed, store.read(name))
    records = [measured(store.read(name), metric) for name in names]
    arms = {
        arm: (study.fields(arm), [r for (a, _), r in zip(tasks, records, strict=True) if a == arm])
        for arm in study.arms
    }
    return compare_records(study.name, arms, metric=metric, margin=margin)


def measured(record: Record, metric: str) -> Record:
    """The record with one more score, if the metric is a measure: it is worked out from the run's best weights."""
    end = record.end
    if not metric.startswith(PREFIX) or end is None or end.reason == "diverged":
        return record
    value = MEASURES[metric.removeprefix(PREFIX)](record)
    return replace(record, events=(*record.events[:-1], replace(end, scores={**end.scores, metric: value})))


def finished(store: Store, recipe: Recipe) -> str:
    """The name of the recipe's run if the store holds it, ended; else nothing."""
    name = store.find(recipe.id(_fingerprint(recipe.data)))
    return name if name and store.read(name).end else ""


@cache
def _fingerprint(data: str) -> str:
    return load(data).fingerprint


def write_report(comparison: Comparison, store: FolderStore) -> dict[str, Any]:
    """Write study.json, report.html, scores.csv and the chart to `studies/<name>-<id>/`; returns what --json prints."""
    from fairtrial.report.charts import comparison_chart, write_chart
    from fairtrial.report.page import comparison_page

    runs = "\n".join(run for arm in comparison.arms for run in arm.runs)
    folder = f"studies/{slug(comparison.study)}-{hashlib.sha256(runs.encode()).hexdigest()[:12]}"
    path = store.root / folder
    plain = comparison_json(comparison, path)
    store.put(folder, "study.json", (json.dumps(plain, indent=2) + "\n").encode())
    store.put(folder, "scores.csv", scores_csv(comparison).encode())
    store.put(folder, "report.html", comparison_page(comparison, " ".join(["fairtrial", *sys.argv[1:]])).encode())
    write_chart(comparison_chart(comparison), path / "chart")
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
