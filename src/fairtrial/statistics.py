"""Scores in, estimates and verdicts out: pure functions, whose error rates `campaigns/calibration.py` measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, isnan, log, log1p, nan, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
import scipy  # its parts come when they are asked for: a single run asks for none
from numpy.typing import NDArray

from fairtrial.spec.errors import UsageError

Word = Literal["better", "worse", "equivalent", "undecided"]
Interval = tuple[float, float] | None
Floats = NDArray[np.float64]
Scores = Sequence[float] | Floats
POWER = 0.8  # how likely the seeds that `more_seeds` asks for would settle a pair, if the effect is as it looks
MOST_SEEDS = 10_000  # nobody will run more
ROUNDING = 1e-12  # of the largest score: what is closer than this differs only by how computers round
TAU2 = 4.0  # variance that `settled` spreads its bets over, in those of one difference; any value keeps the error rate


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


def estimate(values: Scores, alpha: float = 0.05, step: float = 0.0) -> Estimate:
    """Mean and interval of independent values; the interval covers the true mean with probability 1 - alpha if they
    are normal.

    `step` is the smallest difference that two values can have (one test image of N: 1/N); equal values may then still
    have a spread of half a step over the square root of 2.
    """
    n = len(values)
    if n < 2:
        return Estimate(n, float(np.mean(values)) if n else nan, None)
    mean = float(np.mean(values))
    spread = max(float(np.std(values, ddof=1)), step / sqrt(8))
    return Estimate(n, mean, _interval(mean, spread / sqrt(n), n - 1, alpha))


def judge(
    a: Scores,
    b: Scores,
    *,
    paired: bool = True,
    margin: float = 0.005,
    alpha: float = 0.05,
    step: float | None = None,
) -> Verdict:
    """The verdict on two lists of scores, higher being better.

    Paired, a[i] and b[i] share a seed and Student's t test is made on their differences; otherwise Welch's. `margin` is
    the difference that would not matter: `equivalent` is claimed by two one-sided tests (Schuirmann 1987) at alpha.
    `step` is the smallest difference that two scores can have, 1/N for an accuracy on N images; not given, it is the
    smallest that they do have, and 0 says that they are continuous. The spread of differences is taken to be at least
    half of it: three seeds that agree to the image are no certainty.
    Raises UsageError for unequal lengths when paired, scores that are no finite numbers, a margin, alpha or step out of
    range.
    """
    _check(margin, alpha, step)
    x, y = _scores("a", a), _scores("b", b)
    if paired and len(x) != len(y):
        raise UsageError(f"judge: paired scores must be equally many, not {len(x)} and {len(y)}")
    finest = resolution(np.concatenate([x, y])) if step is None else step
    contrast = paired_contrast(x, y, finest) if paired else welch_contrast(x, y, finest)
    return conclude(contrast, margin, alpha)


def judge_pairs(
    couples: Sequence[tuple[Scores, Scores]],
    *,
    margin: float = 0.005,
    alpha: float = 0.05,
    step: float = 0.0,
    lower_is_better: bool = False,
) -> list[tuple[float | None, Verdict]]:
    """Several pairs of paired scores judged together, each with the p it has alone: the verdicts are those of the p
    that Holm's method corrects, so that any false `better` or `worse` among them has at most probability alpha."""
    contrasts = [paired_contrast(np.asarray(a, float), np.asarray(b, float), step) for a, b in couples]
    corrected = holm([contrast.p for contrast in contrasts])
    sign = -1 if lower_is_better else 1
    return [(c.p, conclude(c, margin, alpha, p, sign)) for c, p in zip(contrasts, corrected, strict=True)]


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """p values corrected so that any false finding among them has at most probability alpha (Holm 1979)."""
    known = sorted((p, i) for i, p in enumerate(ps) if p is not None)
    result: list[float | None] = [None] * len(ps)
    largest = 0.0
    for rank, (p, i) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        result[i] = largest
    return result


def wilson(share: float, images: int, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's interval (1927) for a share of so many images: where other test images may put it."""
    z2 = NormalDist().inv_cdf(1 - alpha / 2) ** 2
    half = sqrt(z2 * (share * (1 - share) / images + z2 / (4 * images**2)))
    centre, all_of_it = share + z2 / (2 * images), 1 + z2 / images
    return (centre - half) / all_of_it, (centre + half) / all_of_it


def sampling_error(share: float, images: int, alpha: float = 0.05) -> float:
    """Half the width of Wilson's interval: what other test images would change.

    Of a mean over seeds it is an upper bound: an image that some seeds get right and some wrong adds less.
    """
    low, high = wilson(share, images, alpha)
    return (high - low) / 2


# A difference and what it says


@dataclass(frozen=True)
class Contrast:
    """A difference with its standard error and degrees of freedom."""

    difference: float
    error: float
    df: float
    n: int
    spread: float  # standard deviation that one more pair of seeds would add
    effect: float | None

    @property
    def p(self) -> float | None:
        """Two-sided, of no difference, by Student's t; None where n is too small to know."""
        if self.df <= 0 or isnan(self.difference):
            return None
        if self.error == 0:
            return 1.0 if self.difference == 0 else 0.0
        return float(2 * scipy.special.stdtr(self.df, -abs(self.difference) / self.error))


def paired_contrast(a: Floats, b: Floats, step: float) -> Contrast:
    """The mean of the differences, whose spread is taken to be at least half a step."""
    return _contrast_of(a - b, step)


def _contrast_of(differences: Floats, step: float) -> Contrast:
    n = len(differences)
    if n < 2:
        return _too_few(float(differences[0]) if n else nan, n)
    difference, seen = float(differences.mean()), float(differences.std(ddof=1))
    spread = max(seen, step / 2)
    return Contrast(difference, spread / sqrt(n), n - 1, n, spread, _ratio(difference, seen))


def welch_contrast(a: Floats, b: Floats, step: float) -> Contrast:
    """The difference of two means with Welch's degrees of freedom (1947); the floor is shared out between the arms."""
    n = min(len(a), len(b))
    if n < 2:
        return _too_few(float(a.mean() - b.mean()) if n else nan, n)
    difference, seen = float(a.mean() - b.mean()), (float(a.var(ddof=1)), float(b.var(ddof=1)))
    var_a, var_b = (max(var, step**2 / 8) for var in seen)
    of_a, of_b = var_a / len(a), var_b / len(b)
    parts = of_a**2 / (len(a) - 1) + of_b**2 / (len(b) - 1)
    df = (of_a + of_b) ** 2 / parts if parts else len(a) + len(b) - 2
    return Contrast(difference, sqrt(of_a + of_b), df, n, sqrt(var_a + var_b), _ratio(difference, sqrt(sum(seen) / 2)))


def _too_few(difference: float, n: int) -> Contrast:
    return Contrast(difference, nan, 0, n, nan, None)


def _ratio(difference: float, spread: float) -> float | None:
    return difference / spread if spread > ROUNDING * abs(difference) else None


def conclude(contrast: Contrast, margin: float, alpha: float, corrected: float | None = None, sign: int = 1) -> Verdict:
    """The verdict; `corrected` stands in for the contrast's own p where several pairs are judged, `sign` is -1 where
    lower is better."""
    p = contrast.p if corrected is None else corrected
    if p is None:
        return Verdict("undecided", contrast.difference, None, None, None, None, contrast.n)
    interval = _interval(contrast.difference, contrast.error, contrast.df, alpha)
    narrow = _interval(contrast.difference, contrast.error, contrast.df, 2 * alpha)  # two tests, each one-sided
    word = _word(sign * contrast.difference, p < alpha, narrow, margin)
    strictness = contrast.p / p if contrast.p and p else 1.0  # what Holm's correction leaves of alpha for this pair
    more = _more_seeds(contrast, margin, alpha, alpha * strictness) if word == "undecided" else None
    return Verdict(word, contrast.difference, interval, p, contrast.effect, more, contrast.n)


def _word(difference: float, differs: bool, narrow: Interval, margin: float) -> Word:
    if differs:
        return "better" if difference > 0 else "worse"
    return "equivalent" if narrow and -margin < narrow[0] and narrow[1] < margin else "undecided"


def _more_seeds(contrast: Contrast, margin: float, alpha: float, corrected: float) -> int | None:
    """Seeds to add until a pair whose true difference and spread are as they look is settled, one way or the other,
    with probability POWER."""
    growth = contrast.df / (contrast.n - 1)  # of the degrees of freedom with each seed: 1 if paired, 1 to 2 by Welch
    gap, spread = abs(contrast.difference), contrast.spread * _half_too_low(contrast.df)

    def enough(n: int) -> bool:
        df, error = growth * (n - 1), spread / sqrt(n)
        two, one = scipy.special.stdtrit(df, 1 - corrected / 2), scipy.special.stdtrit(df, 1 - alpha)
        shows = scipy.special.stdtr(df, gap / error - two)
        equal = (
            scipy.special.stdtr(df, (margin - gap) / error - one)
            + scipy.special.stdtr(df, (margin + gap) / error - one)
            - 1
        )
        return bool(shows + max(equal, 0.0) >= POWER)

    return _until(enough, contrast.n) if spread > 0 else None


def _half_too_low(df: float) -> float:
    """What makes a standard deviation too low as often as too high: of few values it is mostly too low."""
    return sqrt(df / float(scipy.special.chdtri(df, 0.5)))


def _until(enough: Callable[[int], bool], n: int) -> int | None:
    """How many more than n are enough, by bisection; None if MOST_SEEDS are not."""
    low, high = n, MOST_SEEDS
    if n >= MOST_SEEDS or not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high - n


# Seeds added until it is settled


def settled(
    differences: Scores, *, margin: float = 0.005, alpha: float = 0.05, step: float | None = None, sign: int = 1
) -> Verdict:
    """The verdict on paired differences that may be asked for after every seed: stop at the first that decides.

    With probability 1 - alpha the interval covers the true mean of normal differences after all numbers of seeds at
    once, so that a false verdict has at most probability alpha however often one looks: the confidence sequence of a
    t test that mixes over effects (Wang and Ramdas 2025; Lindon et al. 2022). `p` is valid at any time in the same
    sense. `better` and `worse` mean that the interval leaves out 0, `equivalent` that it is within the margin. `step`
    is as for `judge`, `sign` is -1 where lower is better.
    """
    finite = _scores("differences", differences)
    return settled_pairs([finite], margin=margin, alpha=alpha, step=step, sign=sign)[0][1]


def settled_pairs(
    differences: Sequence[Scores],
    *,
    margin: float = 0.005,
    alpha: float = 0.05,
    step: float | None = None,
    sign: int = 1,
) -> list[tuple[float | None, Verdict]]:
    """Each pair's differences judged as by `settled`, with its own p; verdicts are of the p corrected by Holm.

    A list holds one difference a seed, nan where a run has no score. One that is shorter than others belongs to a pair
    that got no more seeds: it is judged with what the others had by then, and its verdict stands.
    """
    _check(margin, alpha, step)
    lists = [np.asarray(values, dtype=np.float64) for values in differences]
    judged: dict[int, tuple[float | None, Verdict]] = {}
    for seeds in sorted({len(values) for values in lists}):
        seen = [values[:seeds][np.isfinite(values[:seeds])] for values in lists]
        steps = [resolution(np.append(values, 0.0)) if step is None else step for values in seen]
        contrasts = [_contrast_of(values, finest) for values, finest in zip(seen, steps, strict=True)]
        ps = [_anytime_p(contrast) for contrast in contrasts]
        differs = {place for place, (_, verdict) in judged.items() if verdict.verdict in ("better", "worse")}
        corrected = holm([0.0 if place in differs else p for place, p in enumerate(ps)])  # found before: passed by all
        for place in (place for place, values in enumerate(lists) if len(values) == seeds):
            p, contrast = ps[place], contrasts[place]
            judged[place] = p, _settle(contrast, margin, alpha, p, corrected[place], sign)
    return [judged[place] for place in range(len(lists))]


def _settle(c: Contrast, margin: float, alpha: float, p: float | None, corrected: float | None, sign: int) -> Verdict:
    if p is None or corrected is None:
        return Verdict("undecided", c.difference, None, None, None, None, c.n)
    half = _anytime_half(c.n, alpha) * c.error
    interval = (c.difference - half, c.difference + half) if isfinite(half) else None
    word = _word(sign * c.difference, corrected < alpha, interval, margin)
    more = _more_looks(c, margin, alpha, alpha * p / corrected) if word == "undecided" else None
    return Verdict(word, c.difference, interval, corrected, c.effect, more, c.n)


def _anytime_p(c: Contrast) -> float | None:
    """One over the likelihood ratio of t, effects spread as N(0, TAU2) against none; by Ville's inequality it falls
    below alpha at any time with at most probability alpha if there is no difference."""
    if c.df <= 0:
        return None
    if c.error == 0:
        return 1.0 if c.difference == 0 else 0.0
    w, r = (c.difference / c.error) ** 2 / (c.n - 1), 1 + c.n * TAU2
    return min(1.0, exp(log(r) / 2 - c.n / 2 * (log1p(w) - log1p(w / r))))


def _anytime_half(n: int, alpha: float) -> float:
    """Half the width of the confidence sequence in standard errors: where `_anytime_p` is alpha; infinite for few."""
    r = 1 + n * TAU2
    k = exp(2 / n * (log(r) / 2 - log(alpha)))
    return sqrt((n - 1) * (k - 1) / (1 - k / r)) if k < r else inf


def _more_looks(c: Contrast, margin: float, alpha: float, corrected: float) -> int | None:
    def enough(n: int) -> bool:
        error, gap = c.spread / sqrt(n), abs(c.difference)
        power = float(scipy.special.ndtri(POWER))
        shows = (_anytime_half(n, corrected) + power) * error <= gap
        return shows or (_anytime_half(n, alpha) + power) * error <= margin - gap

    return _until(enough, c.n) if c.spread > 0 and corrected > 0 else None


# Scores as they come


def resolution(scores: Floats) -> float:
    """The smallest gap between two different scores: finer than this nothing was seen; 0 if all are equal."""
    if not len(scores):
        return 0.0
    gaps = np.diff(np.sort(scores))
    seen = gaps[gaps > ROUNDING * np.abs(scores).max()]
    return float(seen.min()) if len(seen) else 0.0


def _scores(name: str, values: Scores) -> Floats:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"judge: {name} must be a list of numbers") from None
    if array.ndim != 1:
        raise UsageError(f"judge: {name} must be one list of numbers, not of shape {array.shape}")
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise UsageError(f"judge: {name}[{wrong[0]}]={array[wrong[0]]}: scores must be finite; leave such a seed out")
    return array


def _check(margin: float, alpha: float, step: float | None) -> None:
    if not 0 < margin < inf:
        raise UsageError(f"judge: margin={margin:g}: it must be above 0, and finite")
    if not 0 < alpha < 0.5:
        raise UsageError(f"judge: alpha={alpha:g}: it must be between 0 and 0.5")
    if step is not None and not 0 <= step < inf:
        raise UsageError(f"judge: step={step:g}: it must be 0 or above, and finite")


def _interval(mean: float, error: float, df: float, alpha: float) -> Interval:
    half = float(scipy.special.stdtrit(df, 1 - alpha / 2)) * error
    return mean - half, mean + half
