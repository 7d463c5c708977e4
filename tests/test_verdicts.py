"""Verdicts against scipy's tests, Holm's correction by hand, the logic of equivalence at its edges, and what must hold
of any scores: to turn the arms round, to shift them or to stretch them changes no verdict."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isnan, nan, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from conftest import tiny
from fairtrial.report.contract import comparison_json
from fairtrial.report.tables import arms_table
from fairtrial.runner import run
from fairtrial.spec.errors import UsageError
from fairtrial.statistics import (
    Verdict,
    estimate,
    holm,
    judge,
    judge_pairs,
    resolution,
    sampling_error,
    settled,
    settled_pairs,
)
from fairtrial.store import MemoryStore
from fairtrial.verdicts import compare_records

GRID = st.integers(0, 1024).map(lambda k: k / 1024)  # sums and products with powers of two are exact
PAIRS = st.lists(st.tuples(GRID, GRID), min_size=2, max_size=12)
OPPOSITE = {"better": "worse", "worse": "better", "equivalent": "equivalent", "undecided": "undecided"}


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


def same(one: Verdict, two: Verdict) -> bool:
    """Whether two verdicts agree in words and, but for rounding, in numbers."""
    numbers = [[v.difference, *(v.interval or ()), v.p or 0, v.effect or 0] for v in (one, two)]
    return (one.verdict, one.n) == (two.verdict, two.n) and numbers[0] == pytest.approx(numbers[1], rel=1e-6, abs=1e-9)


@given(PAIRS, st.sampled_from([0.004, 0.03, 0.2]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_swapping_the_arms_turns_the_verdict_round(scores: list[tuple[float, float]], margin: float, how: bool) -> None:
    a, b = [x for x, _ in scores], [y for _, y in scores]
    one, two = judge(a, b, margin=margin, paired=how), judge(b, a, margin=margin, paired=how)
    mirrored = replace(two, verdict=OPPOSITE[two.verdict], difference=-two.difference)
    low, high = two.interval or (nan, nan)
    effect = None if two.effect is None else -two.effect
    assert replace(mirrored, interval=(-high, -low), effect=effect) == one


@given(PAIRS, st.sampled_from([-4.0, 0.25, 16.0]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_shifting_both_arms_changes_nothing(scores: list[tuple[float, float]], shift: float, how: bool) -> None:
    a, b = np.array(scores).T
    assert same(judge(a, b, margin=0.03, paired=how), judge(a + shift, b + shift, margin=0.03, paired=how))


@given(PAIRS, st.sampled_from([0.125, 2.0, 128.0]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_points_and_shares_give_the_same_verdict(scores: list[tuple[float, float]], scale: float, how: bool) -> None:
    a, b = np.array(scores).T
    one, two = judge(a, b, margin=0.03, paired=how), judge(scale * a, scale * b, margin=scale * 0.03, paired=how)
    assert (one.verdict, one.more_seeds) == (two.verdict, two.more_seeds)
    assert one.p == pytest.approx(two.p)
    assert one.interval
    assert two.interval == pytest.approx([scale * end for end in one.interval])
    assert one.effect == pytest.approx(two.effect)


@given(PAIRS, st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_wider_margin_or_alpha_never_takes_a_claim_back(scores: list[tuple[float, float]], how: bool) -> None:
    a, b = np.array(scores).T
    words = [judge(a, b, margin=margin, paired=how).verdict for margin in (0.01, 0.1, 10.0)]
    assert words == sorted(words, key=lambda word: word != "undecided")
    claimed = [judge(a, b, alpha=alpha, paired=how).verdict in ("better", "worse") for alpha in (0.001, 0.05, 0.3)]
    assert claimed == sorted(claimed)


def test_one_seed_decides_nothing() -> None:
    for paired in (True, False):
        verdict = judge([0.9], [0.1], paired=paired)
        assert (verdict.verdict, verdict.p, verdict.interval, verdict.more_seeds) == ("undecided", None, None, None)
        assert verdict.difference == pytest.approx(0.8)
    assert isnan(judge([], []).difference)
    assert estimate([0.5]).interval is None
    assert estimate([]).n == 0


def test_seeds_that_agree_to_the_image_are_no_certainty() -> None:
    alike = judge([0.75] * 3, [0.5] * 3)  # the only gap that was seen, 0.25, may be all that these scores can show
    assert (alike.verdict, alike.effect) == ("undecided", None)
    assert alike.p == pytest.approx(2 * stats.t.sf(0.25 / (0.125 / sqrt(3)), 2))
    fine = judge([0.75] * 3, [0.5] * 3, step=1 / 360)  # a test part of 360 images would have shown less
    assert fine.verdict == "better"
    assert fine.interval == pytest.approx(stats.t.interval(0.95, 2, 0.25, 1 / 720 / sqrt(3)))
    assert judge([0.5] * 3, [0.75] * 3, paired=False, step=1 / 360).verdict == "worse"
    assert judge([0.75] * 3, [0.5] * 3, step=0).interval == (0.25, 0.25)
    assert judge([0.9] * 3, [0.9] * 3).verdict == "equivalent"
    assert judge([0.9] * 3, [0.9] * 3, step=0.01, margin=0.005).verdict == "undecided"


def test_the_floor_is_half_a_step_and_leaves_wider_spreads_alone() -> None:
    assert estimate([0.5] * 4, step=0.01).interval == pytest.approx(stats.t.interval(0.95, 3, 0.5, 0.01 / sqrt(8) / 2))
    a, b = draw(1, 6, 0.95, 0.01), draw(2, 6, 0.94, 0.01)
    assert judge(a, b, step=0.001) == judge(a, b, step=0) == judge(a, b)
    assert resolution(np.array([0.3, 0.1, 0.1, 0.15])) == pytest.approx(0.05)
    assert resolution(np.array([0.3, 0.1 + 0.2])) == 0.0  # they differ only by rounding
    assert resolution(np.array([])) == 0.0


def test_the_effect_is_cohens_d() -> None:
    a, b = [0.9, 0.92, 0.94], [0.89, 0.9, 0.94, 0.95]
    paired, free = judge(a, b[:3]), judge(a, b, paired=False)
    differences = np.subtract(a, b[:3])
    assert paired.effect == pytest.approx(differences.mean() / differences.std(ddof=1))
    pooled = sqrt((np.var(a, ddof=1) + np.var(b, ddof=1)) / 2)
    assert free.effect == pytest.approx((np.mean(a) - np.mean(b)) / pooled)


@pytest.mark.parametrize(
    ("a", "b", "words", "named"),
    [
        ([0.1, 0.2], [0.1], {}, "equally many"),
        ([0.1, 0.2], [0.1, 0.3], {"margin": 0}, "margin=0"),
        ([0.1, 0.2], [0.1, 0.3], {"margin": -1}, "margin=-1"),
        ([0.1, 0.2], [0.1, 0.3], {"margin": nan}, "margin=nan"),
        ([0.1, 0.2], [0.1, 0.3], {"alpha": 0}, "alpha=0"),
        ([0.1, 0.2], [0.1, 0.3], {"alpha": 1}, "alpha=1"),
        ([0.1, 0.2], [0.1, 0.3], {"step": -0.1}, "step=-0.1"),
        ([0.1, nan], [0.1, 0.3], {}, r"a\[1\]=nan"),
        ([0.1, 0.2], [inf, 0.3], {"paired": False}, r"b\[0\]=inf"),
        ([[0.1], [0.2]], [0.1, 0.3], {}, "one list"),
        (["good", "bad"], [0.1, 0.3], {}, "list of numbers"),
    ],
)
def test_what_cannot_be_judged_is_a_usage_error(a: list[float], b: list[float], words: dict[str, float], named: str):
    with pytest.raises(UsageError, match=named):
        judge(a, b, **words)


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


def test_unpaired_more_seeds_count_the_degrees_of_freedom_of_both_arms() -> None:
    a, b = draw(3, 4, 0.952, 0.01), draw(4, 4, 0.94, 0.01)
    asked = judge(a, b, paired=False, margin=1e-4)
    assert asked.verdict == "undecided"
    assert asked.more_seeds
    n, var = 4 + asked.more_seeds, np.var(a, ddof=1) + np.var(b, ddof=1)
    noncentral = (np.mean(a) - np.mean(b)) / sqrt(var / n)
    df = (n - 1) * var**2 / (np.var(a, ddof=1) ** 2 + np.var(b, ddof=1) ** 2)
    power = 1 - stats.nct.cdf(stats.t.ppf(0.975, df), df, abs(noncentral))
    assert 0.75 < power < 0.9


def test_the_share_of_test_images_leaves_wilsons_interval_open() -> None:
    for right, images in ((342, 360), (360, 360), (5000, 10_000)):
        low, high = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
        assert sampling_error(right / images, images) == pytest.approx((high - low) / 2)


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


def test_several_pairs_are_judged_by_the_corrected_p() -> None:
    couples = [(draw(k, 5, 0.95 + 0.004 * k, 0.005), draw(k + 50, 5, 0.95, 0.005)) for k in range(4)]
    judged = judge_pairs(couples)
    alone = [stats.ttest_rel(a, b).pvalue for a, b in couples]
    assert [p for p, _ in judged] == pytest.approx(alone)
    assert [verdict.p for _, verdict in judged] == pytest.approx(holm(alone))
    lower = judge_pairs(couples, lower_is_better=True)
    assert [v.verdict for _, v in lower] == [OPPOSITE[v.verdict] for _, v in judged]


def test_an_accuracy_knows_its_images_and_a_loss_has_none() -> None:
    store = MemoryStore()
    arms = {rule: ({}, [run(tiny(optimizer=rule, seed=s), store) for s in range(2)]) for rule in ("sgd", "adam")}
    compared = compare_records("rules", arms)
    images = arms["sgd"][1][0].made["data"]["counts"]["test"]
    for arm in compared.arms:
        assert arm.sampling == pytest.approx(sampling_error(arm.estimate.mean, images))
    assert comparison_json(compared, Path())["arms"][0]["sampling"] == compared.arms[0].sampling
    assert any("more seeds cannot shrink" in note for note in arms_table(compared).notes)
    losses = compare_records("rules", arms, metric="test/loss")
    assert {arm.sampling for arm in losses.arms} == {None}
    assert not arms_table(losses).notes


def test_arms_that_agree_in_every_seed_have_an_interval_of_their_test_images() -> None:
    store = MemoryStore()
    records = [run(tiny(seed=s), store) for s in range(3)]
    compared = compare_records("twins", {"one": ({}, records), "two": ({}, records)})
    step = 1 / records[0].made["data"]["counts"]["test"]
    (pair,) = compared.pairs
    assert pair.judged.interval == pytest.approx(stats.t.interval(0.95, 2, 0, step / 2 / sqrt(3)))
    assert pair.judged.verdict == "equivalent"


def nothing_added(verdict: Verdict) -> bool:
    """Whether a verdict says that it cannot say anything."""
    return (verdict.verdict, verdict.interval, verdict.more_seeds) == ("undecided", None, None)


def test_a_sequence_that_is_looked_at_needs_more_than_one_look_would() -> None:
    for seed in range(20):
        differences = draw(seed, 12, 0.01, 0.006)
        once, often = judge(differences, [0.0] * 12, step=0), settled(differences, step=0)
        assert once.interval
        assert often.interval
        assert often.interval[0] < once.interval[0] < once.interval[1] < often.interval[1]
        assert often.p is not None
        assert once.p is not None
        assert often.p > once.p
        assert (often.verdict in ("better", "worse")) == (often.p < 0.05)
        assert (often.p < 0.05) == (often.interval[0] > 0 or often.interval[1] < 0)


def test_its_p_is_the_bayes_factor_of_a_t_test() -> None:
    # By quadrature over the effect: noncentral t against central t (Goenen et al. 2005), the mixture in closed form.
    differences = np.array(draw(5, 7, 0.01, 0.01))
    t = differences.mean() / differences.std(ddof=1) * sqrt(7)
    effects = np.linspace(-12, 12, 4001)
    density = stats.nct.pdf(t, 6, effects * sqrt(7)) * stats.norm.pdf(effects, scale=2)
    ratio = np.sum(density) * (effects[1] - effects[0]) / stats.t.pdf(t, 6)
    assert settled(differences, step=0).p == pytest.approx(min(1, 1 / ratio), rel=1e-6)


def test_settled_says_all_four_words() -> None:
    assert nothing_added(settled([]))
    assert nothing_added(settled([0.1]))
    assert settled([0.1, 0.11]).verdict == "undecided"
    clear = draw(1, 8, 0.02, 0.004)
    assert settled(clear).verdict == "better"
    assert settled(clear, sign=-1).verdict == "worse"
    assert settled(np.negative(clear)).verdict == "worse"
    assert settled(draw(2, 40, 0, 0.004)).verdict == "equivalent"
    open_still = settled(draw(3, 5, 0.004, 0.01))
    assert open_still.verdict == "undecided"
    assert open_still.more_seeds
    for wrong in ({"margin": -1.0}, {"alpha": 2.0}, {"step": nan}):
        with pytest.raises(UsageError):
            settled([0.1, 0.2], **wrong)
    with pytest.raises(UsageError):
        settled([0.1, nan])


def test_settled_pairs_are_corrected_by_holm() -> None:
    lists = [draw(k, 10, 0.004 * k, 0.006) for k in range(4)]
    judged = settled_pairs(lists)
    assert [p for p, _ in judged] == [settled(values).p for values in lists]
    assert [verdict.p for _, verdict in judged] == holm([p for p, _ in judged])


def test_a_pair_that_ended_first_is_judged_with_what_the_others_had_by_then_and_keeps_its_verdict() -> None:
    chance = np.random.default_rng(5)
    for _ in range(20):
        lists = [chance.normal(mean, 0.005, 20) for mean in (0.01, 0.006, 0.001)]
        lists[1][3] = nan  # a run that diverged
        early = settled_pairs([values[:7] for values in lists])
        got = settled_pairs([lists[0][:7], *lists[1:]])
        assert got[0] == early[0]
        found = early[0][1].verdict == "better"
        rest = holm([p for p, _ in settled_pairs(lists[1:])])
        if found:  # its share of alpha has passed on to the others
            assert [verdict.p for _, verdict in got[1:]] == rest
        assert [verdict.n for _, verdict in got] == [7, 19, 20]


def test_looking_after_every_seed_keeps_the_error_rate() -> None:
    chance, wrong = np.random.default_rng(7), 0
    for _ in range(400):
        differences = chance.normal(0, 0.01, 20)
        wrong += any(settled(differences[:n]).verdict in ("better", "worse") for n in range(2, 21))
    assert wrong / 400 < 0.05 + 3 * sqrt(0.05 * 0.95 / 400)


def test_a_diverged_run_is_counted_and_its_seed_left_out_of_pairs() -> None:
    store = MemoryStore()
    good = [run(tiny(seed=s), store) for s in range(3)]
    model = "flatten, linear 8, act, linear 8, act, linear classes"
    bad = [run(tiny(seed=0, model=model, lr=1e30, optimizer="sgd"), store), *good[1:]]
    comparison = compare_records("one fails", {"good": ({}, good), "bad": ({}, bad)})
    assert {arm.name: (arm.failed, arm.estimate.n) for arm in comparison.arms} == {"good": (0, 3), "bad": (1, 2)}
    assert comparison.pairs[0].judged.n == 2


def test_arms_that_never_end_are_an_outcome_and_no_verdict() -> None:
    store = MemoryStore()
    model = "flatten, linear 8, act, linear 8, act, linear classes"
    good = [run(tiny(seed=s), store) for s in range(2)]
    bad = [run(tiny(seed=s, model=model, lr=1e30, optimizer="sgd"), store) for s in range(2)]
    lost = "bad diverged in 2 of 2 seeds: it has no score."
    assert compare_records("one", {"good": ({}, good), "bad": ({}, bad)}).summary == lost
    both = compare_records("both", {"bad": ({}, bad), "worse": ({}, bad)})
    assert both.summary == f"{lost} {lost.replace('bad', 'worse')}"
    assert [pair.judged.verdict for pair in both.pairs] == ["undecided"]
    single = compare_records("n = 1", {"good": ({}, good[:1]), "bad": ({}, bad[:1])})
    assert single.summary.startswith("n = 1: no interval")
    assert single.summary.endswith("bad diverged in 1 of 1 seeds: it has no score.")
