"""Tuning: ranges from words, the same trials whatever the number of workers, and arms that were not tuned fairly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import fairtrial, stop_at, tiny
from fairtrial.api import make
from fairtrial.report.contract import comparison_json
from fairtrial.spec.errors import UsageError
from fairtrial.spec.events import Scored
from fairtrial.spec.tuning import TUNABLE, Range, Trial, Tuned, read_range, read_tuned, tuned_json
from fairtrial.store import FolderStore, MemoryStore, Store
from fairtrial.study.plan import Study, make_study
from fairtrial.study.tune import LAST_SEED
from fairtrial.verdicts import straw_men

LR = read_range("lr", "1e-3..1:log")
LINEAR = "flatten, linear classes"


def tuned_study(seeds: int = 2, trials: int = 6, **fields: object) -> Study:
    base = tiny(**{"model": LINEAR, "epochs": 4, **fields})
    study = make_study("tuned", base, {"optimizer": ["sgd", "adam"]}, seeds)
    return replace(study, tune=(LR,), trials=trials)


@pytest.mark.parametrize(
    ("field", "word", "said"),
    [
        ("lr", "1..0.1", "upside down"), ("lr", "1..1", "upside down or empty"), ("lr", "0..1:log", "begins above 0"),
        ("lr", "-1..1", "lr=-1"), ("lr", "1e-4", r"low\.\.high"), ("lr", "a..b", r"low\.\.high"),
        ("lr", "", r"low\.\.high"),
        ("lr", "nan..1", r"low\.\.high"), ("lr", "0.1..inf", r"low\.\.high"), ("lr", "1..2..3", r"low\.\.high"),
        ("lr", "0.1..1:lin", "the scale"), ("lrr", "0..1", "did you mean lr"), ("seed", "0..9", "cannot be tuned"),
        ("model", "a..b", "cannot be tuned"), ("dropout", "0..1", "dropout=1"), ("batch", "1.5..64", "batch=1.5"),
        ("valid", "0.1..0.5", "cannot be tuned"), ("lr", "1e-4...1:log", r"low\.\.high"),
    ],
)  # fmt: skip
def test_a_range_that_cannot_be_meant_is_refused(field: str, word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_range(field, word)


@given(
    st.floats(1e-9, 1e9), st.floats(1.001, 1e6), st.floats(0, 1), st.booleans(), st.sampled_from(["lr", "l2", "clip"])
)
def test_places_in_a_range_are_shares_of_it(low: float, factor: float, share: float, log: bool, field: str) -> None:
    made = Range(field, low, low * factor, log)
    assert read_range(field, str(made).partition("=")[2]) == made
    value = made.place(share)
    if factor > 2:
        assert made.share(value) == pytest.approx(share, abs=0.02)
    assert made.place(0) == pytest.approx(low, rel=0.01)
    assert made.place(1) == pytest.approx(low * factor, rel=0.01)


def test_whole_numbers_stay_whole() -> None:
    batch = read_range("batch", "16..256:log")
    assert [batch.place(share) for share in (0, 0.25, 0.5, 0.75, 1)] == [16, 32, 64, 128, 256]
    assert all(isinstance(batch.place(share / 7), int) for share in range(8))


@pytest.mark.parametrize("field", TUNABLE)
def test_every_tunable_field_takes_a_range(field: str) -> None:
    assert read_range(field, "1..5" if field in ("batch", "epochs") else "0.1..0.5").field == field


def test_each_arm_gets_as_many_trials_and_runs_with_its_best_value() -> None:
    store = MemoryStore()
    comparison = make(tuned_study(), store)
    assert {tuned.arm for tuned in comparison.tuning} == {"sgd", "adam"}
    for tuned in comparison.tuning:
        assert len(tuned.trials) == 6
        assert tuned.planned == 6 * 4
        assert tuned.epochs < tuned.planned  # the worse half ends early
        assert tuned.chosen is not None
        best = max(trial.score or 0 for trial in tuned.trials if trial.complete)
        assert tuned.chosen.score == best
        assert all(trial.score is None or trial.score <= best for trial in tuned.trials if trial.complete)
        assert {r.recipe.lr for r in comparison.records[tuned.arm]} == {tuned.values["lr"]}
    assert comparison.arms[0].fields.keys() == {"optimizer", "lr"}


def test_trials_see_neither_the_test_part_nor_the_seeds_of_the_study() -> None:
    store = MemoryStore()
    comparison = make(tuned_study(test_every=1), store)
    trials = {trial.run for tuned in comparison.tuning for trial in tuned.trials}
    runs = {record.name for records in comparison.records.values() for record in records}
    assert trials
    assert not trials & runs
    for name in trials:
        record = store.read(name)
        assert record.recipe.seed == LAST_SEED
        told = [event.scores for event in record.events if isinstance(event, Scored)] + [record.scores]
        assert not [key for scores in told for key in scores if key.startswith("test/")]
    assert all("test/accuracy" in store.read(name).scores for name in runs)


def plain(study: Study, store: Store, **how: object) -> dict[str, object]:
    """What --json prints, but for what may differ between equal runs."""
    said = comparison_json(make(study, store, **how), Path())  # pyright: ignore[reportArgumentType]
    for arm in said["arms"]:
        for key in [key for key in arm if "second" in key]:
            del arm[key]
    return said


def test_the_same_values_are_found_by_any_number_of_workers_and_again(tmp_path: Path) -> None:
    study = tuned_study()
    alone = plain(study, MemoryStore())
    store = FolderStore(tmp_path)
    assert plain(study, store, jobs=2) == alone
    before = store.list()
    assert plain(study, store, executor="serial") == alone  # trials that went on to later stages are read as they were
    assert store.list() == before
    more = make(replace(tuned_study(seeds=3)), store, executor="serial")
    assert len(store.list()) == len(before) + 2
    assert [tuned_json(tuned) for tuned in more.tuning] == alone["tuning"]


def test_a_study_stopped_while_it_tunes_goes_on_to_the_same_end(tmp_path: Path) -> None:
    study, undisturbed = tuned_study(), plain(tuned_study(), MemoryStore())
    for step in (3, 9, 17):
        with pytest.raises(KeyboardInterrupt):
            make(study, FolderStore(tmp_path), executor="serial", watch=stop_at(step))
    assert plain(study, FolderStore(tmp_path), executor="serial") == undisturbed


def trial(lr: float, score: float | None, complete: bool = True) -> Trial:
    return Trial({"lr": lr}, score, 4 if complete else 1, complete, f"trial-{lr}")


def tuned(*trials: Trial, chosen: int | None, arm: str = "sgd", ranges: tuple[Range, ...] = (LR,)) -> Tuned:
    best = None if chosen is None else trials[chosen]
    return Tuned(arm, ranges, "valid/accuracy", trials, best, 4 * len(trials))


LOW, MIDDLE, HIGH = trial(0.002, 0.9), trial(0.03, 0.95), trial(0.5, 0.8)


def test_a_straw_man_is_called_one() -> None:
    fair = tuned(LOW, MIDDLE, HIGH, chosen=1)
    assert list(straw_men([fair])) == []
    assert "0.5, is at the edge of what was tried in lr=0.001..1:log" in next(straw_men([tuned(LOW, HIGH, chosen=1)]))
    beyond = tuned(LOW, HIGH, trial(0.9, None, False), chosen=1)
    assert list(straw_men([beyond])) == []  # what lies above diverges: the optimum is enclosed
    assert "no trial came to its end" in next(straw_men([tuned(trial(1, None, False), chosen=None)]))
    wild = tuned(trial(0.2, None, False), LOW, MIDDLE, trial(0.9, None, False), chosen=2)
    assert "2 of its 4 trials diverged" in next(straw_men([wild]))
    unequal = list(straw_men([fair, tuned(LOW, MIDDLE, HIGH, HIGH, chosen=1, arm="adam")]))
    assert unequal == ["Unequal budgets of tuning, in epochs: sgd 12, adam 16."]
    assert "adam does not use lr" in next(straw_men([fair, tuned(chosen=None, arm="adam", ranges=())]))


def test_an_end_that_nothing_lies_beyond_is_no_edge() -> None:
    dropout = read_range("dropout", "0..0.5")
    trials = [Trial({"dropout": value}, 0.9 - value, 4, True, "t") for value in (0.0, 0.2, 0.4)]
    assert not Tuned("a", (dropout,), "valid/accuracy", tuple(trials), trials[0], 12).at_edge()
    assert Tuned("a", (dropout,), "valid/accuracy", tuple(trials), trials[2], 12).at_edge() == [dropout]


@pytest.mark.parametrize(
    ("field", "word", "low", "high"),
    [
        ("lr", "0.05..1", True, True), ("lr", "1e-4..1:log", True, True), ("batch", "8..128", True, True),
        ("batch", "1..128", False, True), ("dropout", "0.05..0.95", True, True), ("l2", "0..0.1", False, True),
    ],
)  # fmt: skip
def test_an_edge_is_one_on_any_scale(field: str, word: str, low: bool, high: bool) -> None:
    made = read_range(field, word)
    trials = tuple(Trial({field: made.place(share)}, 0.9, 4, True, "t") for share in (0, 0.5, 1))
    edges = [bool(Tuned("a", (made,), "valid/accuracy", trials, trials[place], 12).at_edge()) for place in (0, 1, 2)]
    assert edges == [low, False, high]


def test_arms_that_share_their_trials_make_them_once(tmp_path: Path) -> None:
    study = make_study("scored", tiny(model=LINEAR, epochs=2), {"test_every": [0, 1]}, 2)
    store = FolderStore(tmp_path)
    comparison = make(replace(study, tune=(LR,), trials=3), store, executor="serial")
    first, second = comparison.tuning
    assert first.trials == second.trials
    assert len(store.list()) == 3 + 4


def test_what_was_tuned_comes_back_from_its_json() -> None:
    for made in (tuned(LOW, MIDDLE, trial(0.9, None, False), chosen=1), tuned(chosen=None, ranges=())):
        assert read_tuned(json.loads(json.dumps(tuned_json(made)))) == made


def test_an_arm_without_the_field_is_left_alone_and_it_is_said() -> None:
    study = make_study("moments", tiny(model=LINEAR, epochs=2), {"optimizer": ["momentum", "adam"]}, 2)
    comparison = make(replace(study, tune=(read_range("momentum", "0.5..0.99"),), trials=3), MemoryStore())
    assert {tuned.arm: len(tuned.trials) for tuned in comparison.tuning} == {"momentum": 3, "adam": 0}
    assert "adam does not use momentum" in comparison.summary


def test_arms_that_all_diverge_while_tuned_are_an_outcome() -> None:
    study = make_study("far", tiny(model=LINEAR, engine="torch", loss="mse"), {"batch": [256, 512]}, 2)
    comparison = make(replace(study, tune=(read_range("lr", "1e30..1e35:log"),), trials=2), MemoryStore())
    assert [tuned.chosen for tuned in comparison.tuning] == [None, None]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"trials": 1}, "trials=1"),
        ({"arms": {"a": tiny(lr=0.1), "b": tiny(lr=0.2)}}, "lr is tuned, and cannot set arms apart"),
        ({"arms": {"a": tiny(valid=0.0)}}, "validation part"),
    ],
)
def test_tuning_that_cannot_be_meant_is_refused_before_any_run(change: dict[str, object], said: str) -> None:
    store = MemoryStore()
    with pytest.raises(UsageError, match=said):
        make(replace(tuned_study(), **change), store)  # pyright: ignore[reportArgumentType]
    assert store.list() == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 20)), min_size=1, max_size=9), st.booleans())
def test_the_best_of_several_equal_ones_is_the_middle_of_them(scores: list[int | None], lower: bool) -> None:
    from fairtrial.study.tune import best

    trials = [trial(1.0 + place, score) for place, score in enumerate(scores)]
    trials = [replace(each, complete=each.score is not None) for each in trials]
    found = best(trials, "valid/loss" if lower else "valid/accuracy")
    numbers = [score for score in scores if score is not None]
    if not numbers:
        assert found is None
        return
    goal = min(numbers) if lower else max(numbers)
    places = [place for place, score in enumerate(scores) if score == goal]
    assert found == trials[places[(len(places) - 1) // 2]]


def test_on_the_command_line(tmp_path: Path) -> None:
    words = ["compare", "linear", "optimizer=sgd,adam", "epochs=2", "engine=numpy", "batch=256", "--seeds", "2"]
    done = fairtrial(*words, "--tune", "lr=1e-3..1:log", "--trials", "3", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [len(arm["trials"]) for arm in said["tuning"]] == [3, 3]
    assert "3 trials" in done.stderr
    for options, told in {
        ("--tune", "lr=1..1e-3"): "--tune lr=1..1e-3: upside down or empty; the low end comes first",
        ("--tune", "lr"): "--tune lr=: a range to tune in is low..high or low..high:log",
        ("--trials", "3"): "--trials are made in a range: --tune FIELD=low..high",
    }.items():
        wrong = fairtrial(*words, *options, cwd=tmp_path)
        assert (wrong.returncode, wrong.stdout, wrong.stderr) == (2, "", f"fairtrial: {told}\n")
