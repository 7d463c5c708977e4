"""The campaign on curves trains what it says, and counts what the doctor says of it."""

from __future__ import annotations

import curves
import pytest
from curves import CASES, HIDDEN, NETS, Program, Told

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import finding

SHORT = Program(epochs=3)


def columns(program: Program) -> dict[str, list[str]]:
    """The curves that the perceptron's program writes."""
    heading, *rows = (line.split(",") for line in curves.table(program, NETS["perceptron"], "digits", 0).splitlines())
    return dict(zip(heading, map(list, zip(*rows, strict=True)), strict=True))


def test_faults_have_the_names_of_the_catalogue() -> None:
    assert {name for case in CASES for name in (case.fault, *case.other)} <= set(FAULTS)
    assert sum(case.limit != HIDDEN for case in CASES) > 40


def test_the_healthy_program_learns_and_the_same_seed_writes_the_same() -> None:
    made = columns(SHORT)
    assert made == columns(SHORT)
    assert float(made["val_acc"][-1]) > 0.5 > float(made["train_acc"][0])


def test_a_fault_changes_what_it_is_of_and_nothing_else() -> None:
    right, padded = columns(SHORT)["val_acc"], columns(Program(epochs=3, share=curves.padded))["val_acc"]
    assert [float(a) * 597 for a in right] == pytest.approx([float(b) * 640 for b in padded], abs=1e-3)
    down, up = columns(Program(lr=0.01, epochs=3)), columns(Program(lr=0.01, epochs=3, change=curves.uphill))
    assert float(down["val_loss"][-1]) < float(down["val_loss"][0]) < float(up["val_loss"][-1])
    assert len(columns(Program(every_step=True, epochs=2))["epoch"]) == 2 * 19  # batches of 64 in 1,200


def test_a_hint_counts_only_where_it_is_the_fault() -> None:
    hint, alike = finding("mse-for-classification", "info", None, ""), finding("vanishing-gradient", "warn", None, "")
    assert curves.told("lr-too-low", ["vanishing-gradient"], [hint]) == Told(1, 0, 0, 0, 0)
    assert curves.told("lr-too-low", ["vanishing-gradient"], [hint, alike]) == Told(1, 1, 0, 1, 1)
    assert curves.told("mse-for-classification", [], [hint]) == Told(1, 1, 1, 1, 1)
    proof = finding("wrong-accuracy", "fail", None, "")
    assert curves.told("lr-too-low", [], [proof]) == Told(1, 1, 0, 0, 0, 1)
    assert curves.told("lr-too-low", ["wrong-accuracy"], [proof]) == Told(1, 1, 0, 1, 1, 0)
    assert Told(1, 1, 0, 1, 1) + Told(1, 0, 0, 0, 0) == Told(2, 1, 0, 1, 1)


def test_the_campaign_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert curves.main(["--seeds", "1", "--only", "schedule"]) == 0
    assert "| schedule-too-fast | a rate that dies in two epochs | 2 | 2 | 2 | 2 | 2 | 0 |" in capsys.readouterr().out
