"""From records to estimates and verdicts; nothing here trains, prints or draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf, isfinite, isnan, nan, sqrt
from typing import Any, Literal

import numpy as np
from scipy import stats

from fairtrial.spec.errors import UsageError
from fairtrial.spec.events import Fitted
from fairtrial.store import Record

Word = Literal["better", "worse", "equivalent", "undecided"]
Interval = tuple[float, float] | None
POWER = 0.8  # how likely the seeds that `more_seeds` asks for would settle a pair, if the effect is as it looks
MOST_SEEDS = 10_000  # nobody will run more


@dataclass(frozen=True)
class Estimate:
    """Mean of n values and its interval by Student's t; None where n is too small to know."""

    n: int
    mean: float
    interval: Interval


@dataclass(frozen=True)
class Verdict:
    """What n seeds say of a against b: the difference of their means, and what may be concluded from it."""

    verdict: Word  # of a
    difference: float  # mean of a - mean of b
    interval: Interval  # of the difference
    p: float | None  # two-sided, of no difference; corrected for the number of pairs where several are judged
    effect: float | None  # the difference in standard deviations of one seed (Cohen's d, of the differences if paired)
    more_seeds: int | None  # that would likely settle an undecided pair; None: it is settled, or nobody can say
    n: int


@dataclass(frozen=True)
class Arm:
    """One level of what is compared, with its scores by seed."""

    name: str
    fields: dict[str, Any]
    values: tuple[float, ...]  # the metric of each seed that ended with one
    failed: int  # seeds that diverged
    estimate: Estimate
    seconds: float  # of training and scoring, all seeds together
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """Two arms judged: `p` for this pair alone, `verdict` from the p that Holm's method corrects for all pairs."""

    a: str
    b: str
    p: float | None
    judged: Verdict


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

    @property
    def summary(self) -> str:
        """The outcome in a sentence or two."""
        return summarise(self)

    def _repr_html_(self) -> str:
        from fairtrial.report.page import comparison_html  # needs altair

        return comparison_html(self)


def estimate(values: Sequence[float], alpha: float = 0.05) -> Estimate:
    """Mean and interval of independent values; the interval covers the true mean with probability 1 - alpha if they
    are normal."""
    n = len(values)
    mean = float(np.mean(values)) if n else float("nan")
    return Estimate(n, mean, _interval(mean, _error(values), n - 1, alpha) if n > 1 else None)


def judge(
    a: Sequence[float], b: Sequence[float], *, paired: bool = True, margin: float = 0.005, alpha: float = 0.05
) -> Verdict:
    """The verdict on two lists of scores, higher being better.

    Paired, a[i] and b[i] share a seed and Student's t test is made on their differences; otherwise Welch's. `margin` is
    the difference that would not matter: `equivalent` is claimed by two one-sided tests (Schuirmann 1987) at alpha.
    Raises UsageError for unequal lengths when paired, a margin or an alpha out of range.
    """
    if paired and len(a) != len(b):
        raise UsageError(f"judge: paired scores must be equally many, not {len(a)} and {len(b)}")
    if margin <= 0 or not 0 < alpha < 1:
        raise UsageError(f"judge: margin={margin:g} must be above 0, alpha={alpha:g} between 0 and 1")
    return _conclude(_contrast(a, b, paired), margin, alpha)


@dataclass(frozen=True)
class _Contrast:
    """A difference with its standard error and degrees of freedom."""

    difference: float
    error: float
    df: float
    n: int
    spread: float  # standard deviation that one more pair of seeds would add

    @property
    def p(self) -> float | None:
        if self.df <= 0 or isnan(self.difference):
            return None
        if self.error == 0:
            return 1.0 if self.difference == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.difference) / self.error, self.df))


def _contrast(a: Sequence[float], b: Sequence[float], paired: bool) -> _Contrast:
    n = min(len(a), len(b))
    if not n:
        return _Contrast(float("nan"), float("nan"), 0, 0, float("nan"))
    difference = float(np.mean(a) - np.mean(b))
    if n < 2:
        return _Contrast(difference, float("nan"), 0, n, float("nan"))
    if paired:
        differences = np.subtract(a, b)
        return _Contrast(difference, _error(differences), n - 1, n, float(np.std(differences, ddof=1)))
    of_a, of_b = _error(a) ** 2, _error(b) ** 2
    parts = of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1)
    df = (of_a + of_b) ** 2 / parts if parts else len(a) + len(b) - 2
    return _Contrast(difference, sqrt(of_a + of_b), df, n, float(np.sqrt(np.var(a, ddof=1) + np.var(b, ddof=1))))


def _conclude(
    contrast: _Contrast, margin: float, alpha: float, corrected: float | None = None, sign: int = 1
) -> Verdict:
    """The verdict; `corrected` stands in for the contrast's own p where several pairs are judged, `sign` is -1 where
    lower is better."""
    p = contrast.p if corrected is None else corrected
    if p is None:
        return Verdict("undecided", contrast.difference, None, None, None, None, contrast.n)
    interval = _interval(contrast.difference, contrast.error, contrast.df, alpha)
    narrow = _interval(contrast.difference, contrast.error, contrast.df, 2 * alpha)
    word: Word = "undecided"
    if p < alpha:
        word = "better" if sign * contrast.difference > 0 else "worse"
    elif narrow and -margin < narrow[0] and narrow[1] < margin:
        word = "equivalent"
    effect = contrast.difference / contrast.spread if contrast.spread else None
    strictness = contrast.p / p if contrast.p and p else 1.0  # what Holm's correction leaves of alpha for this pair
    more = _more_seeds(contrast, margin, alpha * strictness) if word == "undecided" else None
    return Verdict(word, contrast.difference, interval, p, effect, more, contrast.n)


def _more_seeds(contrast: _Contrast, margin: float, alpha: float) -> int | None:
    """Seeds to add until a difference as large as this one shows, or equivalence does, whichever takes fewer."""
    gap, spread = abs(contrast.difference), contrast.spread
    if not spread or not isfinite(spread):
        return None
    n = np.arange(contrast.n + 1, MOST_SEEDS)
    power = stats.t.ppf(POWER, n - 1)
    shows = (stats.t.ppf(1 - alpha / 2, n - 1) + power) * spread / np.sqrt(n) <= gap
    equal = (stats.t.ppf(1 - alpha, n - 1) + power) * spread / np.sqrt(n) <= margin - gap
    enough = n[shows | equal]
    return int(enough[0]) - contrast.n if len(enough) else None


def compare_records(
    study: str,
    arms: Mapping[str, tuple[dict[str, Any], Sequence[Record]]],
    *,
    metric: str = "test/accuracy",
    margin: float = 0.005,
    alpha: float = 0.05,
) -> Comparison:
    """Arms by name, each with its fields and its records in the order of seeds, estimated and judged pair by pair."""
    sign = -1 if metric.endswith("/loss") else 1  # of what is better
    made = [_arm(name, fields, records, metric, alpha) for name, (fields, records) in arms.items()]
    made.sort(key=lambda arm: -sign * arm.estimate.mean if arm.values else inf)
    scores = {name: {r.recipe.seed: metric_of(r, metric) for r in records} for name, (_, records) in arms.items()}
    couples = list(combinations([arm.name for arm in made], 2))
    contrasts = [_contrast(*_shared(scores[a], scores[b]), paired=True) for a, b in couples]
    corrected = holm([c.p for c in contrasts])
    pairs = [
        Pair(a, b, c.p, _conclude(c, margin, alpha, p, sign))
        for (a, b), c, p in zip(couples, contrasts, corrected, strict=True)
    ]
    seeds = max((len(records) for _, records in arms.values()), default=0)
    kept = {name: tuple(records) for name, (_, records) in arms.items()}
    return Comparison(study, metric, margin, alpha, seeds, tuple(made), tuple(pairs), kept)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """p values corrected so that any false finding among them has at most probability alpha (Holm 1979)."""
    known = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    result: list[float | None] = [None] * len(ps)
    largest = 0.0
    for rank, (p, i) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        result[i] = largest
    return result


def _arm(name: str, fields: dict[str, Any], records: Sequence[Record], metric: str, alpha: float) -> Arm:
    values = tuple(v for r in records if (v := metric_of(r, metric)) is not None)
    seconds = sum(e.score_seconds for r in records for e in r.epochs) + sum(fit_seconds(r) for r in records)
    failed = sum(r.end is not None and r.end.reason == "diverged" for r in records)
    return Arm(name, fields, values, failed, estimate(values, alpha), seconds, tuple(r.name for r in records))


def fit_seconds(record: Record) -> float:
    """Seconds in training steps: what each epoch's last count says, summed."""
    by_epoch = {e.epoch: e.fit_seconds for e in record.events if isinstance(e, Fitted)}
    return sum(by_epoch.values())


def metric_of(record: Record, metric: str) -> float | None:
    """The metric at the best weights of a run that came to its end; None of one that diverged or goes on."""
    value = record.scores.get(metric, nan)
    return value if record.end and record.end.reason != "diverged" and isfinite(value) else None


def _shared(a: dict[int, float | None], b: dict[int, float | None]) -> tuple[list[float], list[float]]:
    """Scores of the seeds that both have."""
    both = [(x, y) for seed, x in a.items() if x is not None and (y := b.get(seed)) is not None]
    return [x for x, _ in both], [y for _, y in both]


def _error(values: Any) -> float:
    return float(np.std(values, ddof=1) / sqrt(len(values)))


def _interval(mean: float, error: float, df: float, alpha: float) -> Interval:
    half = float(stats.t.ppf(1 - alpha / 2, df)) * error
    return mean - half, mean + half


def summarise(comparison: Comparison) -> str:
    """The best arm against each of the others."""
    if len(comparison.arms) < 2:
        return "One arm: nothing to compare."
    if comparison.seeds < 2:
        return "n = 1: no interval, no verdict; --seeds 5 would give both."
    best = comparison.arms[0].name
    points = comparison.metric.endswith("/accuracy")
    return " ".join(_sentence(pair, points) for pair in comparison.pairs if pair.a == best)


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
