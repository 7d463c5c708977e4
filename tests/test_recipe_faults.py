"""The campaign on faults in recipes puts in what it says, and leaves out what did no harm."""

from __future__ import annotations

from pathlib import Path

import recipe_faults
from recipe_faults import FAULTS

from conftest import tiny
from fairtrial.doctor.catalogue import FAULTS as CATALOGUE
from fairtrial.runner import run
from fairtrial.spec.recipe import from_words
from fairtrial.store import MemoryStore

NET = "flatten, linear 32, act, linear classes"


def test_each_fault_is_one_of_the_catalogue_and_changes_the_recipe() -> None:
    base = run(tiny(model=NET), MemoryStore())
    for fault in FAULTS:
        assert {fault.fault, *fault.other} <= set(CATALOGUE)
        assert from_words(base.recipe, fault.words(base)) != base.recipe


def test_a_run_that_diverges_is_written_with_a_line_of_nan(tmp_path: Path) -> None:
    lost = run(tiny(model=NET, lr=1e30, optimizer="sgd", epochs=3), MemoryStore())
    assert lost.end is not None
    assert lost.end.reason == "diverged"
    assert [found.fault for found in recipe_faults.seen(lost, tmp_path / "curves.csv")] == ["non-finite"]


def test_what_costs_no_accuracy_did_no_harm() -> None:
    store = MemoryStore()
    base = run(tiny(model=NET, epochs=8, batch=64), store)
    assert recipe_faults.harmful(base, run(from_words(base.recipe, {"lr": "1e-7"}), store))
    assert not recipe_faults.harmful(base, base)
