"""The numbers of reports equal those that numpy and scipy find in the same events."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from scipy import stats

from fairtrial.report import tables, views, wording
from fairtrial.runner import run
from fairtrial.spec.events import Ended, Fitted, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.store import MemoryStore, Record
from fairtrial.verdicts import Comparison, compare_records

SMALL = Recipe(model="linear", epochs=3, lr=0.01, engine="numpy")


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(scope="module")
def record(store: MemoryStore) -> Record:
    return run(SMALL.but(score_every=7, seed=3), store)


@pytest.fixture(scope="module")
def comparison(store: MemoryStore) -> Comparison:
    arms = {"adam": SMALL, "sgd": SMALL.but(optimizer="sgd")}
    made = {n: ({"optimizer": n}, [run(r.but(seed=s), store) for s in range(3)]) for n, r in arms.items()}
    return compare_records("optimizers", made)


@pytest.fixture(scope="module")
def stopped(store: MemoryStore) -> Comparison:
    """Runs that stop early, at different epochs."""
    base = Recipe(model="small-mlp", epochs=20, patience=1, lr=0.05, engine="numpy")
    return compare_records("stopped", {"mlp": ({}, [run(base.but(seed=s), store) for s in range(4)])})


def test_the_outcome_of_a_run_is_the_fold_of_its_events(record: Record) -> None:
    made = views.outcome(record)
    end = record.end
    assert end is not None
    best = record.epochs[end.best_epoch - 1]
    assert made.scores == {
        **{k: v for k, v in best.scores.items() if not k.startswith("running/")},
        **end.scores,
    }
    fitted = {e.epoch: e for e in record.events if isinstance(e, Fitted)}
    scoring = sum(e.score_seconds for e in record.events if isinstance(e, Scored))
    fit = sum(e.fit_seconds for e in fitted.values())
    assert made.seconds == pytest.approx(fit + scoring)
    assert made.images_per_second == pytest.approx(3 * 1150 / fit)
    assert (made.ended, made.epochs, made.best_epoch) == ("finished", 3, end.best_epoch)


def test_the_interval_for_other_test_images_is_wilsons(record: Record) -> None:
    n, share = 360, views.outcome(record).scores["test/accuracy"]
    z = stats.norm.ppf(0.975)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    said = next(note for note in tables.run_table(record).notes if "Wilson" in note)
    assert f"{100 * (middle - half):.2f} to {100 * (middle + half):.2f} %" in said


def test_curves_stand_at_epochs_and_parts_of_epochs(record: Record) -> None:
    valid = next(c for c in views.curves(record, "loss") if c.part == "valid")
    steps, values = record.curve("valid/loss")
    assert [p.epoch for p in valid.points] == pytest.approx(np.array(steps) / 18)  # 1150 images, 64 a step
    assert [p.value for p in valid.points] == values
    assert {p.epoch for p in valid.points} >= {7 / 18, 1.0, 2.0, 3.0}


def test_the_test_score_is_one_point_at_the_best_epoch(record: Record) -> None:
    test = next(c for c in views.curves(record, "accuracy") if c.part == "test")
    assert record.end is not None
    assert test.points == (views.Point(record.end.best_epoch, record.end.scores["test/accuracy"]),)


def test_means_and_bands_are_students(comparison: Comparison) -> None:
    for arm in views.arm_views(comparison):
        records = comparison.records[arm.name]
        curves = np.array([[e.scores["valid/accuracy"] for e in r.epochs] for r in records])
        expected = stats.t.interval(0.95, 2, curves.mean(0), stats.sem(curves, axis=0))
        assert [m.mean for m in arm.means] == pytest.approx(curves.mean(0))
        assert [m.interval for m in arm.means] == [pytest.approx(pair) for pair in zip(*expected, strict=True)]
        assert {m.n for m in arm.means} == {3}


def test_dots_are_the_metric_of_each_seed(comparison: Comparison) -> None:
    for arm in views.arm_views(comparison):
        expected = {r.recipe.seed: r.end.scores["test/accuracy"] for r in comparison.records[arm.name] if r.end}
        assert {dot.seed: dot.value for dot in arm.dots} == expected
        assert arm.mean == pytest.approx(np.mean(list(expected.values())))


def test_the_mean_ends_where_the_first_seed_stopped(stopped: Comparison) -> None:
    lengths = [len(r.epochs) for r in stopped.records["mlp"]]
    assert min(lengths) < max(lengths), "the fixture should stop at different epochs"
    (arm,) = views.arm_views(stopped)
    assert [m.epoch for m in arm.means] == list(range(1, min(lengths) + 1))
    assert {m.n for m in arm.means} == {4}
    assert sorted(len(curve.points) for curve in arm.curves) == sorted(lengths)
    assert "ends where the first seed stopped" in views.curves_caption(stopped, "")


def test_runs_that_diverged_are_counted_and_left_out_of_the_mean(comparison: Comparison, store: MemoryStore) -> None:
    bad = run(Recipe(model="mlp", engine="numpy", optimizer="sgd", lr=1e30, epochs=2, seed=9), store)
    assert bad.end is not None
    assert bad.end.reason == "diverged"
    good = comparison.records["adam"]
    both = compare_records("d", {"adam": ({}, [*good, bad]), "bad": ({"lr": 1e30}, [bad])})
    arm, other = views.arm_views(both)
    assert (arm.n, arm.failed, len(arm.means), {m.n for m in arm.means}) == (3, 1, 3, {3})
    assert (other.n, other.failed, other.dots, other.means) == (0, 1, (), ())
    assert "diverged" in views.curves_caption(both, "")
    assert views.arm_label(arm, 40) == "adam (n = 3, 1 diverged)"
    assert tables.arms_table(both).rows[1][2:4] == ("-", "-")


def test_the_tables_hold_the_comparisons_numbers(comparison: Comparison) -> None:
    first = comparison.arms[0]
    low, high = stats.t.interval(0.95, 2, np.mean(first.values), stats.sem(first.values))
    row = tables.arms_table(comparison).rows[0]
    assert row[:4] == (first.name, "3", f"{100 * np.mean(first.values):.2f} %", f"{100 * low:.2f} to {100 * high:.2f}")
    pair = comparison.pairs[0]
    test = stats.ttest_rel(comparison.arms[0].values, comparison.arms[1].values)
    said = tables.pairs_table(comparison, comparison.pairs).rows[0]
    assert said[0] == f"{pair.a} - {pair.b}"
    assert said[1] == f"{100 * (np.mean(comparison.arms[0].values) - np.mean(comparison.arms[1].values)):+.2f}"
    assert said[3] == wording.p_value(float(test.pvalue))


def test_settings_are_told_apart_from_what_is_shared(comparison: Comparison) -> None:
    assert set(tables.settings_table(comparison).rows) == {("adam", "adam"), ("sgd", "sgd")}
    shared = dict(tables.base_table(comparison).rows)
    assert shared["model"] == "linear"
    assert shared["betas"] == "0.9,0.999"
    assert not {"optimizer", "seed"} & set(shared)
    assert views.seeds_line(comparison) == "Seeds: 0, 1, 2; the same for every arm."


def test_without_a_validation_part_the_training_curve_stands_in(store: MemoryStore) -> None:
    records = [run(SMALL.but(valid=0, epochs=1, seed=s), store) for s in range(2)]
    assert views.curve_key(compare_records("t", {"a": ({}, records)})) == "train/accuracy"


def test_numbers_that_are_none_are_left_out_of_curves(record: Record) -> None:
    spoilt = [replace(e, scores={**e.scores, "valid/loss": nan}) if isinstance(e, Scored) else e for e in record.events]
    curves = views.curves(replace(record, events=tuple(spoilt)), "loss")
    assert "valid" not in {curve.part for curve in curves}


def test_a_run_that_was_interrupted_says_so(record: Record) -> None:
    cut = replace(record, events=record.events[:8])
    assert views.outcome(cut).ended == "unfinished"
    assert views.outcome(cut).best_epoch == 0
    stopped = replace(record, events=(*record.events[:-1], Ended(20, 1, "interrupted", 1, {}, "SIGTERM")))
    assert views.ending(views.outcome(stopped)) == "interrupted after 3 of 3 epochs, best epoch 3: SIGTERM"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "�[31mred"),
        ("a\r\nb", "a��b"),
        ("\u202eevil", "�evil"),
        ("é 字", "é 字"),
        ("\ud800", "�"),
    ],
)
def test_text_that_could_steer_a_terminal_is_shown_as_what_it_is(text: str, shown: str) -> None:
    assert wording.clean(text) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "0.00 s"),
        (9.996, "10.0 s"),
        (99.94, "99.9 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7620, "2 h 07 min"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert wording.duration(seconds) == shown


@pytest.mark.parametrize("values", [[0.5], [0.97, 0.98], [0.0, 1.0], [0.0], [1.0], []])
def test_a_shares_axis_shows_all_its_values_and_hardly_more(values: list[float]) -> None:
    low, high = views.frame(values, share=True)
    assert low < high
    assert all(low <= value <= high for value in values)
    assert low >= -0.05
    assert high <= 1.05


def test_an_arms_label_keeps_every_word_and_its_n_together(comparison: Comparison) -> None:
    arm = replace(
        views.arm_views(comparison)[0], name="conv 10, pool, act, conv 32, pool, act, flatten, linear classes"
    )
    label = views.arm_label(arm, 20)
    assert label.replace("\n", " ") == f"{arm.name} (n = 3)"
    assert max(map(len, label.split("\n"))) <= 20
    assert label.split("\n")[-1].endswith("(n = 3)")


@pytest.mark.parametrize(
    ("first", "last", "ticks"),
    [
        (1, 3, [1, 2, 3]),
        (0, 2.4, [0, 1, 2]),
        (1, 20, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]),
        (0, 90, [*range(0, 91, 10)]),
    ],
)
def test_an_axis_of_epochs_names_each_whole_epoch_once(first: float, last: float, ticks: list[int]) -> None:
    assert views.epoch_ticks(first, last) == ticks


def test_the_curves_of_a_measure_are_those_of_accuracy(comparison: Comparison) -> None:
    assert views.curve_key(replace(comparison, metric="measure/gap")) == "valid/accuracy"
    assert views.curve_key(replace(comparison, metric="test/loss")) == "valid/loss"


def test_of_many_arms_the_headline_counts_how_the_best_one_does(comparison: Comparison) -> None:
    first, second = comparison.arms
    verdict = comparison.pairs[0].judged.verdict
    lost = replace(second, name="lost", values=(), failed=3)
    pairs = (*comparison.pairs, replace(comparison.pairs[0], b="lost"))
    said = views.headline(replace(comparison, arms=(first, second, lost), pairs=pairs), 10)
    ways = {"better": "beats 1", "equivalent": "is equivalent to 1", "undecided": "is undecided against 1"}
    assert said == (
        f"{first.name} has the best mean test/accuracy of 3 arms; it {ways[verdict]}. "
        "1 arm diverged in some or all seeds."
    )
