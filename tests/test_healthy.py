"""The campaign on healthy runs draws what it says, makes nothing twice, and counts what the doctor says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import healthy
import pytest
from healthy import CIFAR, DIGITS, RATES, SHRUNK, WAYS, Alarm

from conftest import tiny
from fairtrial.runner import run
from fairtrial.store import MemoryStore


def test_the_same_seed_draws_the_same_recipes_over_all_that_is_claimed() -> None:
    made = list(healthy.recipes(1000, 0, ("mnist", CIFAR)))
    assert made == list(healthy.recipes(1000, 0, ("mnist", CIFAR)))
    assert len(set(made)) == 1000
    assert {recipe.model for recipe in made} == {*DIGITS, *SHRUNK}
    assert {recipe.optimizer for recipe in made} == set(RATES)
    assert Counter(recipe.data for recipe in made) == {"digits": 750, "mnist": 125, CIFAR: 125}
    assert {recipe.engine for recipe in made} == {"numpy", "torch"}


def test_a_fault_is_seen_in_each_way_and_counted(tmp_path: Path) -> None:
    net = "flatten, linear 32, act, linear classes, softmax"
    record = run(tiny(model=net, lr=0.01, batch=32, epochs=20), MemoryStore())
    found = healthy.findings(record, tmp_path)
    assert all("softmax-before-cross-entropy" in {each.fault for each in found[way]} for way in WAYS)
    assert healthy.table(record, 4).startswith("epoch,train/loss,train/accuracy,running/loss")


def test_an_alarm_is_wrong_unless_trying_confirms_it() -> None:
    alarmed = [
        Alarm("record", "a", "warn", "lr-too-low", True), Alarm("record", "a", "warn", "under-trained", False),
        Alarm("record", "b", "warn", "under-trained", True),
    ]  # fmt: skip
    table = healthy.shares(alarmed, 10).splitlines()
    assert "| record | warn | any | 2 | 1 | 10 | 44.50% |" in table
    assert "| record | warn | lr-too-low | 1 | 0 | 10 | 30.85% |" in table


def test_a_fix_is_tried_on_the_same_images() -> None:
    store = MemoryStore()
    poor = run(tiny(model="linear", lr=1e-5, epochs=8, batch=64), store)
    good = run(healthy.mended(poor, "lr-too-low") or poor.recipe, store)
    assert good.recipe.lr == 1e-4
    assert healthy.answers(poor).mean() == pytest.approx(poor.scores["valid/accuracy"])
    assert healthy.better(poor, good)
    assert not healthy.better(good, poor)
    assert not healthy.better(good, good)
    assert healthy.mended(poor, "labels-misaligned") is None


def test_the_campaign_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--data", "digits", "--store", str(tmp_path)]
    healthy.main(["--runs", "2", *words])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/events.jsonl")}
    assert healthy.main(["--runs", "3", *words]) in (0, 1)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list(tmp_path.glob("*/events.jsonl"))) == 3
    assert "\n3 runs, " in capsys.readouterr().out
