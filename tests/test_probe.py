"""The probe for threads: what it picks from times, that a run records it, and that the same words go on with a run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from conftest import Look, fairtrial, tiny
from fairtrial import probe
from fairtrial.cli import without_auto_threads
from fairtrial.probe import pick, pick_threads
from fairtrial.runner import run
from fairtrial.spec.errors import UsageError
from fairtrial.store import MemoryStore

CONV = "conv 4, act, pool, flatten, linear classes"


def test_the_smallest_number_of_nearly_equal_ones_is_picked() -> None:
    assert pick({1: [1.0, 1.0, 9.0], 2: [0.96, 0.97, 0.1]}) == 1  # within 5 % by medians; a single odd time is none
    assert pick({1: [1.0], 2: [0.6], 4: [0.58], 8: [0.9]}) == 2
    assert pick({1: [1.0], 2: [1.5]}) == 1
    assert pick({1: [1.0]}) == 1


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_the_number_is_in_the_recipe_and_a_run_that_is_there_keeps_its_own(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "cores", lambda: 3)
    store, look = MemoryStore(), Look()
    recipe = tiny(engine=engine, model=CONV)
    began = time.perf_counter()
    picked = pick_threads(recipe, store, watch=look)
    assert time.perf_counter() - began < 20
    assert picked.threads in (1, 2)
    assert picked == recipe.but(threads=picked.threads)
    assert len(look.said) == 1
    assert look.said[0].startswith(f"threads={picked.threads}: ")
    assert look.said[0].endswith(" with 2")
    other = run(recipe.but(threads=3 - picked.threads), store)
    assert pick_threads(recipe, store, watch=look).threads == other.recipe.threads
    assert look.said[1] == f"threads={other.recipe.threads}: as run {other.name} was begun"


def test_one_core_has_nothing_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "cores", lambda: 1)
    look = Look()
    assert pick_threads(tiny(), MemoryStore(), watch=look).threads == 1
    assert "one core" in look.said[0]


def test_the_probe_leaves_the_run_as_it_is() -> None:
    recipe = tiny(model=CONV, augment="shift 1", init="whitening")
    before = run(recipe, MemoryStore())
    picked = pick_threads(recipe, MemoryStore(), watch=Look())
    after = run(picked.but(threads=1), MemoryStore())
    assert before.scores == after.scores


def test_words_for_threads() -> None:
    assert without_auto_threads(["mlp", "threads=auto", "lr=1"]) == (["mlp", "lr=1"], True)
    assert without_auto_threads(["mlp", "threads=2"]) == (["mlp", "threads=2"], False)
    for words in (["threads=2", "threads=auto"], ["threads=auto", "threads=2"]):
        with pytest.raises(UsageError, match=f"{words[0]} and {words[1]}"):
            without_auto_threads(words)
    assert without_auto_threads(["threads=auto"]) == (["mlp"], True)


def test_on_the_command_line(tmp_path: Path) -> None:
    words = ["linear", "engine=numpy", "batch=512", "epochs=1", "threads=auto", "--json"]
    first = fairtrial("run", *words, cwd=tmp_path)
    told = json.loads(first.stdout)
    assert first.stderr.startswith(f"threads={told['recipe']['threads']}: ")
    again = fairtrial("run", *words, cwd=tmp_path)
    assert json.loads(again.stdout)["run"] == told["run"]
    assert f"as run {told['run']} was begun" in again.stderr
    refused = fairtrial("compare", "linear", "lr=0.1,0.2", "threads=auto", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "threads=auto is for a single run" in refused.stderr
