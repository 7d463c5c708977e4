"""From records to estimates and verdicts; nothing here trains, prints or draws. The numbers are `statistics.py`'s."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import inf, isfinite, nan
from typing import Any

from fairtrial.costs import Cost, cost
from fairtrial.parts.metrics import lower_is_better
from fairtrial.spec.errors import DamagedFile, NewerVersion
from fairtrial.spec.tuning import Tuned
from fairtrial.statistics import Estimate, Verdict, estimate, judge_pairs, sampling_error, settled_pairs
from fairtrial.store import Record


@dataclass(frozen=True)
class Arm:
    """One level of what is compared, with its scores by seed."""

    name: str
    fields: dict[str, Any]
    values: tuple[float, ...]  # the metric of each seed that ended with one
    failed: int  # seeds that diverged
    estimate: Estimate
    cost: Cost
    runs: tuple[str, ...]
    sampling: float | None = None  # half-width that the number of test images leaves open, whatever the number of seeds


@dataclass(frozen=True)
class Pair:
    """Two arms judged: `p` for this pair alone, `verdict` from the p that Holm's method corrects for all pairs."""

    a: str
    b: str
    p: float | None
    judged: Verdict


@dataclass(frozen=True)
class Damaged:
    """A run that was left out because it cannot be read, or cannot go on."""

    arm: str
    why: str


@dataclass(frozen=True)
class Comparison:
    """The arms, best first, every pair of them, and how they were compared."""

    study: str
    metric: str
    margin: float
    alpha: float
    seeds: int
    arms: tuple[Arm, ...]
    pairs: tuple[Pair, ...]
    records: dict[str, tuple[Record, ...]]  # by arm, in the order of seeds
    at_any_time: bool = False  # judged so that one may look after every seed, and stop at will
    tuning: tuple[Tuned, ...] = ()  # of each arm; empty, if no field was tuned
    folder: str = ""  # of the study in its store
    test_in_train: Mapping[str, int] = field(default_factory=dict[str, int])  # test images that are, by data
    damaged: tuple[Damaged, ...] = ()  # runs that are left out

    @property
    def summary(self) -> str:
        """The outcome in a sentence or two, with what may be unfair in it."""
        return " ".join([summarise(self), *self.alarms])

    @property
    def alarms(self) -> tuple[str, ...]:
        """Which runs are missing, and what may have made a straw man of an arm."""
        left_out = (f"{each.arm}: a run is damaged and left out: {each.why}." for each in self.damaged)
        return (*left_out, *straw_men(self.tuning))

    def _repr_html_(self) -> str:
        from fairtrial.report.page import comparison_html  # needs altair

        return comparison_html(self)


def readable(arm: str, names: Iterable[str], read: Callable[[str], Record]) -> tuple[list[Record], list[Damaged]]:
    """The records of an arm's runs, and the runs that cannot be read."""
    records: list[Record] = []
    damaged: list[Damaged] = []
    for name in names:
        try:
            records.append(read(name))
        except (DamagedFile, NewerVersion) as error:
            damaged.append(Damaged(arm, str(error).partition("\n")[0]))
    return records, damaged


def compare_records(
    study: str,
    arms: Mapping[str, tuple[dict[str, Any], Sequence[Record]]],
    *,
    metric: str = "test/accuracy",
    margin: float = 0.005,
    alpha: float = 0.05,
    at_any_time: bool = False,
    tuning: tuple[Tuned, ...] = (),
    damaged: Sequence[Damaged] = (),
) -> Comparison:
    """Arms by name, each with its fields and its records in the order of seeds, estimated and judged pair by pair.

    `at_any_time` judges so that error rates hold however often one looks before stopping (`statistics.settled_pairs`),
    and whichever arms stop before others: a pair is judged by the seeds that both have.
    """
    lower = lower_is_better(metric)
    made = [_arm(name, fields, records, metric, alpha) for name, (fields, records) in arms.items()]
    made.sort(key=lambda arm: (arm.estimate.mean if lower else -arm.estimate.mean) if arm.values else inf)
    scores = {name: {r.recipe.seed: metric_of(r, metric) for r in records} for name, (_, records) in arms.items()}
    couples = list(combinations([arm.name for arm in made], 2))
    step = _step([r for _, records in arms.values() for r in records], metric)
    if at_any_time:
        differences = [_differences(scores[a], scores[b]) for a, b in couples]
        judged = settled_pairs(differences, margin=margin, alpha=alpha, step=step, sign=-1 if lower else 1)
    else:
        shared = [_shared(scores[a], scores[b]) for a, b in couples]
        judged = judge_pairs(shared, margin=margin, alpha=alpha, step=step, lower_is_better=lower)
    pairs = [Pair(a, b, p, verdict) for (a, b), (p, verdict) in zip(couples, judged, strict=True)]
    seeds = max((len(records) for _, records in arms.values()), default=0)
    kept = {name: tuple(records) for name, (_, records) in arms.items()}
    return Comparison(
        study, metric, margin, alpha, seeds, tuple(made), tuple(pairs), kept, at_any_time, tuning,
        damaged=tuple(damaged),
    )  # fmt: skip


def _arm(name: str, fields: dict[str, Any], records: Sequence[Record], metric: str, alpha: float) -> Arm:
    values = tuple(v for r in records if (v := metric_of(r, metric)) is not None)
    failed = sum(r.end is not None and r.end.reason == "diverged" for r in records)
    made, images = estimate(values, alpha, _step(records, metric)), _images(records, metric)
    sampling = sampling_error(made.mean, images, alpha) if images and values else None
    return Arm(name, fields, values, failed, made, cost(records), tuple(r.name for r in records), sampling)


def _images(records: Sequence[Record], metric: str) -> int:
    """Images that an accuracy is a share of; 0 where the metric is none, or the runs do not say."""
    part, _, kind = metric.partition("/")
    counts = [int(r.made.get("data", {}).get("counts", {}).get(part, 0)) for r in records]
    return min(counts, default=0) if kind == "accuracy" else 0


def _step(records: Sequence[Record], metric: str) -> float:
    """The smallest difference that two scores can have: an accuracy counts images, a loss has no step."""
    images = _images(records, metric)
    return 1 / images if images else 0.0


def metric_of(record: Record, metric: str) -> float | None:
    """The metric at the best weights of a run that came to its end; None of one that diverged or goes on."""
    value = record.scores.get(metric, nan)
    return value if record.end and record.end.reason != "diverged" and isfinite(value) else None


def _shared(a: dict[int, float | None], b: dict[int, float | None]) -> tuple[list[float], list[float]]:
    """Scores of the seeds that both have."""
    both = [(x, y) for seed, x in a.items() if x is not None and (y := b.get(seed)) is not None]
    return [x for x, _ in both], [y for _, y in both]


def _differences(a: dict[int, float | None], b: dict[int, float | None]) -> list[float]:
    """a minus b for each seed that both were run with, in its order; nan where one of them has no score."""
    both = [(x, b[seed]) for seed, x in a.items() if seed in b]
    return [nan if x is None or y is None else x - y for x, y in both]


def summarise(comparison: Comparison) -> str:
    """The best arm against each of the others, and which arms diverged."""
    return " ".join([*_outcome(comparison), *(_diverged(arm) for arm in comparison.arms if arm.failed)])


def _outcome(comparison: Comparison) -> Iterator[str]:
    if len(comparison.arms) < 2:
        yield "One arm: nothing to compare."
    elif comparison.seeds < 2:
        yield "n = 1: no interval, no verdict; --seeds 5 would give both."
    else:
        lost = {arm.name for arm in comparison.arms if arm.failed and not arm.values}  # nothing to compare them by
        best, points = comparison.arms[0].name, comparison.metric.endswith("/accuracy")
        for pair in comparison.pairs:
            if pair.a == best and lost.isdisjoint((pair.a, pair.b)):
                yield _sentence(pair, points)


def _diverged(arm: Arm) -> str:
    """What became of an arm's seeds that have no score."""
    rest = "what is said of it is said of the others" if arm.values else "it has no score"
    return f"{arm.name} diverged in {arm.failed} of {len(arm.runs)} seeds: {rest}."


def straw_men(tuning: Sequence[Tuned]) -> Iterator[str]:
    """Arms whose own value may not have been found, or not with the means that the others had."""
    for tuned in tuning:
        for each in tuned.at_edge():
            yield (
                f"{tuned.arm}: its best {each.field}, {tuned.values[each.field]:g}, is at the edge of what was tried "
                f"in {each}; a wider range may change the verdict."
            )
        if tuned.trials and tuned.chosen is None:
            yield f"{tuned.arm}: no trial came to its end, so it ran untuned."
        elif tuned.trials and 2 * tuned.diverged >= len(tuned.trials):
            lost = f"{tuned.diverged} of its {len(tuned.trials)} trials diverged"
            yield f"{tuned.arm}: {lost}; its value comes from the others."
    most = {each for tuned in tuning for each in tuned.ranges}
    for tuned in tuning:
        unused = ", ".join(sorted(each.field for each in most - set(tuned.ranges)))
        if unused:
            yield f"Unequal tuning: {tuned.arm} does not use {unused}; the others were tuned in it."
    planned = {tuned.arm: tuned.planned for tuned in tuning if tuned.trials}
    if len(set(planned.values())) > 1:
        said = ", ".join(f"{arm} {epochs}" for arm, epochs in planned.items())
        yield f"Unequal budgets of tuning, in epochs: {said}."


def _sentence(pair: Pair, points: bool) -> str:
    judged = pair.judged
    if judged.interval is None:
        return f"{pair.a} against {pair.b}: undecided, too few seeds came to an end."
    low, high = judged.interval
    if judged.verdict in ("better", "worse"):
        low, high = sorted((abs(low), abs(high)))
    sign = "" if judged.verdict in ("better", "worse") else "+"
    between = (
        f"{100 * low:{sign}.2f} to {100 * high:{sign}.2f} points" if points else f"{low:{sign}.3g} to {high:{sign}.3g}"
    )
    seeds = f"{judged.n} seeds each"
    match judged.verdict:
        case "better":
            return f"{pair.a} beats {pair.b} by {between} ({seeds})."
        case "worse":
            return f"{pair.a} loses to {pair.b} by {between} ({seeds})."
        case "equivalent":
            return f"{pair.a} and {pair.b} are equivalent: {between} ({seeds})."
        case _:
            more = f", about {judged.more_seeds} more would settle it" if judged.more_seeds else ""
            return f"{pair.a} against {pair.b}: undecided, {between} ({seeds}{more})."
