"""The bank: each fault is found first and at its line, nothing is said of its healthy twin, and no bit is changed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

BANK = Path(__file__).parent.parent / "bank"
sys.path.insert(0, str(BANK))

import run as bank  # noqa: E402

FAULTY = [path for path in bank.programs() if path.stem.endswith("_faulty")]
HEALTHY = [path for path in bank.programs() if path not in FAULTY]
TRAPS = [path for path in HEALTHY if path.parent.name == "healthy"]
# A pair of each fault, and every trap: `python bank/run.py` has them all.
EACH = list({path.parent.name: path for path in FAULTY}.values())
TWINS = [path.with_name(path.name.replace("_faulty", "_healthy")) for path in EACH]
SAMPLE = 4  # of what others wrote: so many faulty programs and their twins, some of them with two or three faults


def others(folder: Path) -> list[Path]:
    """Faulty programs from all over a part of the bank."""
    faulty = [path for path in bank.programs(folder=folder) if path.stem.endswith("_faulty")]
    alone = [path for path in faulty if "FAIRTRIAL_DATA" not in path.read_text("utf8")]
    return alone[:: len(alone) // SAMPLE]


OTHERS = {folder.name: others(folder) for folder in (bank.IDIOMS, bank.ASIDE)}
# Dropout, batch norm, averages, several optimizers, closures, augmentation: where watching could leave a trace.
DELICATE = TRAPS[::3]


def name(path: Path) -> str:
    """How a program is called in the tests' output."""
    return str(path.relative_to(BANK).with_suffix(""))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def watched(path: Path) -> bank.Outcome:
    """The program under watch, once."""
    watch = bank.Watch()
    with bank.watching(watch):
        _, error, seconds = bank.execute(path)
        watch.finish()
    assert not watch.errors, watch.errors
    seen = [*watch.journal, bank.seen_crash(error)] if error else watch.journal
    diagnosis = bank.diagnose(seen)
    assert not diagnosis.notes
    return bank.Outcome(path, diagnosis, True, seconds, seconds, repr(error) if error else "")


@pytest.mark.parametrize("path", EACH, ids=name)
def test_the_fault_is_found_first_and_at_its_line(path: Path) -> None:
    outcome = watched(path)
    assert outcome.told[:1] == [path.parent.name]
    assert outcome.placed, [found.where for found in outcome.diagnosis.findings]


@pytest.mark.parametrize("path", [*TWINS, *TRAPS], ids=name)
def test_nothing_is_said_of_a_healthy_program(path: Path) -> None:
    assert not watched(path).alarms


@pytest.mark.parametrize("path", DELICATE, ids=name)
def test_watching_changes_no_bit(path: Path) -> None:
    assert bank.examine(path).same


@pytest.mark.parametrize("folder", OTHERS)
def test_programs_by_others_are_judged_as_the_published_figures_say(folder: str) -> None:
    """Not all of them: docs/doctor-measured.md says which shares, and this many of a sample are well within them."""
    outcomes = [watched(path) for path in OTHERS[folder]]
    twins = [watched(path.with_name(path.name.replace("_faulty", "_healthy"))) for path in OTHERS[folder]]
    assert len(outcomes) >= SAMPLE
    assert sum(len(one.detected) / len(one.faults) for one in outcomes) >= 0.8 * len(outcomes)
    assert sum(one.first for one in outcomes) >= 0.8 * len(outcomes)
    assert sum(len(one.placed) / len(one.faults) for one in outcomes) >= 0.7 * len(outcomes)
    assert sum(bool(one.alarms) for one in twins) <= 1


def test_every_program_has_its_twin_and_a_marked_line() -> None:
    for path in FAULTY:
        assert path.with_name(path.name.replace("_faulty", "_healthy")) in HEALTHY
        assert bank.MARK in path.read_text("utf8")
