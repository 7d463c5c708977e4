"""Verdicts against scipy's tests, Holm's correction by hand, and the logic of equivalence at its edges."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from conftest import tiny
from fairtrial.runner import run
from fairtrial.spec.errors import UsageError
from fairtrial.store import MemoryStore
from fairtrial.verdicts import compare_records, estimate, holm, judge

SCORES = st.lists(st.floats(0, 1), min_size=2, max_size=12)


def draw(seed: int, n: int, mean: float, spread: float) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, spread, n))


@pytest.mark.parametrize("seed", range(8))
def test_paired_agrees_with_scipy(seed: int) -> None:
    a, b = draw(seed, 6, 0.95, 0.01), draw(seed + 100, 6, 0.94, 0.02)
    expected = stats.ttest_rel(a, b)
    low, high = expected.confidence_interval(0.95)
    got = judge(a, b)
    assert got.interval
    assert got.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert got.interval == pytest.approx((low, high), rel=1e-9)
    assert got.difference == pytest.approx(np.mean(a) - np.mean(b))
    assert got.effect == pytest.approx(np.mean(np.subtract(a, b)) / np.std(np.subtract(a, b), ddof=1))
    assert got.n == 6


@pytest.mark.parametrize("seed", range(8))
def test_unpaired_agrees_with_scipys_welch(seed: int) -> None:
    a, b = draw(seed, 5, 0.95, 0.01), draw(seed + 100, 9, 0.94, 0.03)
    expected = stats.ttest_ind(a, b, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    got = judge(a, b, paired=False)
    assert got.interval
    assert got.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert got.interval == pytest.approx((low, high), rel=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_equivalence_is_two_one_sided_tests(seed: int) -> None:
    chance = np.random.default_rng(seed)
    a, b = chance.normal(0.95, 0.004, 8), chance.normal(0.95, 0.004, 8)
    above = stats.ttest_1samp(a - b, -0.005, alternative="greater").pvalue
    below = stats.ttest_1samp(a - b, 0.005, alternative="less").pvalue
    differs = stats.ttest_rel(a, b).pvalue < 0.05
    verdict = judge(list(a), list(b), margin=0.005).verdict
    assert (verdict == "equivalent") == (max(above, below) < 0.05 and not differs)
    assert (verdict in ("better", "worse")) == differs


@given(SCORES, st.floats(1e-4, 0.2), st.booleans())
@settings(max_examples=60, deadline=None)
def test_swapping_the_arms_turns_the_verdict_round(scores: list[float], margin: float, paired: bool) -> None:
    a, b = scores, scores[::-1]
    one, two = judge(a, b, margin=margin, paired=paired), judge(b, a, margin=margin, paired=paired)
    opposite = {"better": "worse", "worse": "better", "equivalent": "equivalent", "undecided": "undecided"}
    assert two.verdict == opposite[one.verdict]
    assert two.difference == -one.difference
    assert one.more_seeds == two.more_seeds


def test_one_seed_decides_nothing() -> None:
    for paired in (True, False):
        verdict = judge([0.9], [0.1], paired=paired)
        assert (verdict.verdict, verdict.p, verdict.interval, verdict.more_seeds) == ("undecided", None, None, None)
        assert verdict.difference == pytest.approx(0.8)
    assert isnan(judge([], []).difference)
    assert estimate([0.5]).interval is None
    assert estimate([]).n == 0


def test_no_spread_at_all() -> None:
    assert judge([0.9] * 3, [0.9] * 3).verdict == "equivalent"
    apart = judge([0.75] * 3, [0.5] * 3)
    assert (apart.verdict, apart.p, apart.interval, apart.effect) == ("better", 0.0, (0.25, 0.25), None)
    assert judge([0.5] * 3, [0.75] * 3, paired=False).verdict == "worse"


@pytest.mark.parametrize(
    ("a", "b", "settings"),
    [
        ([0.1, 0.2], [0.1], {}), ([0.1, 0.2], [0.1, 0.3], {"margin": 0}), ([0.1, 0.2], [0.1, 0.3], {"margin": -1}),
        ([0.1, 0.2], [0.1, 0.3], {"alpha": 0}), ([0.1, 0.2], [0.1, 0.3], {"alpha": 1}),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_a_usage_error(a: list[float], b: list[float], settings: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        judge(a, b, **settings)


def test_the_seeds_it_asks_for_would_settle_it() -> None:
    a = [0.95, 0.96, 0.94, 0.955]
    b = [0.945, 0.96, 0.935, 0.96]
    verdict = judge(a, b, margin=1e-4)
    assert verdict.verdict == "undecided"
    assert verdict.more_seeds
    differences = np.subtract(a, b)
    n = 4 + verdict.more_seeds
    noncentral = differences.mean() / differences.std(ddof=1) * sqrt(n)
    power = 1 - stats.nct.cdf(stats.t.ppf(0.975, n - 1), n - 1, noncentral)
    assert 0.75 < power < 0.9


def test_the_interval_covers_the_true_mean_as_often_as_it_says() -> None:
    chance, covered = np.random.default_rng(1), 0
    for _ in range(2000):
        interval = estimate(list(chance.normal(0.5, 0.1, 5))).interval
        assert interval
        covered += interval[0] <= 0.5 <= interval[1]
    assert abs(covered / 2000 - 0.95) < 3 * sqrt(0.95 * 0.05 / 2000)


def test_holm_by_hand() -> None:
    # Sorted 0.01, 0.02, 0.03, 0.04, times 4, 3, 2, 1, never smaller than the one before, never above 1.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([None, 0.02, None, 0.01]) == [None, 0.02, None, 0.02]
    assert holm([]) == []
    assert holm([0.3]) == [0.3]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_holm_keeps_the_order_and_only_raises(ps: list[float]) -> None:
    corrected = [p for p in holm(list(ps)) if p is not None]
    assert all(p <= c <= 1 for p, c in zip(ps, corrected, strict=True))
    assert [c for _, c in sorted(zip(ps, corrected, strict=True))] == sorted(corrected)


def test_records_become_arms_and_pairs() -> None:
    store = MemoryStore()
    arms = {
        rule: ({"optimizer": rule}, [run(tiny(optimizer=rule, seed=s, lr=0.01), store) for s in range(3)])
        for rule in ("sgd", "adam", "rmsprop")
    }
    comparison = compare_records("rules", arms)
    values = {name: [r.end.scores["test/accuracy"] for r in records if r.end] for name, (_, records) in arms.items()}
    assert {arm.name: list(arm.values) for arm in comparison.arms} == values
    means = [arm.estimate.mean for arm in comparison.arms]
    assert means == sorted(means, reverse=True)
    assert len(comparison.pairs) == 3
    expected = holm([stats.ttest_rel(values[pair.a], values[pair.b]).pvalue for pair in comparison.pairs])
    assert [pair.judged.p for pair in comparison.pairs] == pytest.approx(expected)
    assert all(arm.name in comparison.summary for arm in comparison.arms)


def test_a_diverged_run_is_counted_and_its_seed_left_out_of_pairs() -> None:
    store = MemoryStore()
    good = [run(tiny(seed=s), store) for s in range(3)]
    model = "flatten, linear 8, act, linear 8, act, linear classes"
    bad = [run(tiny(seed=0, model=model, lr=1e30, optimizer="sgd"), store), *good[1:]]
    comparison = compare_records("one fails", {"good": ({}, good), "bad": ({}, bad)})
    assert {arm.name: (arm.failed, arm.estimate.n) for arm in comparison.arms} == {"good": (0, 3), "bad": (1, 2)}
    assert comparison.pairs[0].judged.n == 2
