"""A study's page, its JSON and its text say which faults its arms have, and in how many of their seeds."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from conftest import fairtrial, tiny
from fairtrial.report.arm_findings import study_findings
from fairtrial.report.contract import comparison_json
from fairtrial.report.page import comparison_html, comparison_page
from fairtrial.report.text import show_comparison
from fairtrial.runner import run
from fairtrial.store import MemoryStore
from fairtrial.verdicts import Comparison, compare_records

SOUND = "flatten, linear 32, act, linear classes"


@pytest.fixture(scope="module")
def faulty() -> Comparison:
    """Three seeds of a sound net, and of one that ends in softmax in the last two of them."""
    store, models = MemoryStore(), {"sound": [SOUND] * 3, "<i>twice": [SOUND, *[f"{SOUND}, softmax"] * 2]}
    made = {
        arm: ({}, [run(tiny(model=line, seed=seed, lr=0.01, epochs=1), store) for seed, line in enumerate(lines)])
        for arm, lines in models.items()
    }
    return compare_records("softmax", made)


def said(comparison: Comparison) -> str:
    """The text of `compare`."""
    console = Console(file=io.StringIO(), width=400)
    show_comparison(comparison, console)
    return console.file.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_a_fault_is_told_once_an_arm_with_the_seeds_that_have_it(faulty: Comparison) -> None:
    found = study_findings(faulty)
    assert [each for each in found["sound"] if each.worst.level != "info"] == []
    first = found["<i>twice"][0]
    assert (first.worst.fault, first.worst.level, first.seed, first.of) == (
        "softmax-before-cross-entropy",
        "fail",
        1,
        3,
    )
    assert first.runs == tuple(record.name for record in faulty.records["<i>twice"][1:])


def test_page_notebook_json_and_text_tell_the_same(faulty: Comparison) -> None:
    worst = study_findings(faulty)["<i>twice"][0].worst
    page = comparison_page(faulty, "fairtrial compare")
    for shown in (page, comparison_html(faulty)):
        assert f">{worst.fault}</td>" in shown
        assert ">2 of 3</td>" in shown
        assert "<i>" not in shown
    assert worst.fix.partition("In this recipe")[0] in page
    told = json.loads(json.dumps(comparison_json(faulty, Path())))["arms"]
    one = next(arm for arm in told if arm["name"] == "<i>twice")["findings"][0]
    assert (one["fault"], one["level"], one["seed"], len(one["runs"])) == (worst.fault, "fail", 1, 2)
    assert f"fail: <i>twice: {worst.fault} in 2 of 3 seeds: {worst.evidence}" in said(faulty)


def test_sound_arms_add_no_line_to_the_text_and_a_sentence_to_the_page(faulty: Comparison) -> None:
    alone = compare_records("sound", {"sound": ({}, faulty.records["sound"])})
    assert not [line for line in said(alone).splitlines() if line.startswith(("fail", "warn", "info"))]
    assert "found no fault in these 3 runs" in comparison_page(alone, "fairtrial compare")


def test_the_command_has_them_in_its_json_and_in_the_file(tmp_path: Path) -> None:
    words = ["compare", "engine=numpy", "epochs=1", "loss=cross-entropy,mse", "--seeds", "2", "--json", "--quiet"]
    plain = json.loads(fairtrial(*words, cwd=tmp_path).stdout)
    by_arm = {arm["name"]: [found["fault"] for found in arm["findings"]] for arm in plain["arms"]}
    assert "mse-for-classification" in by_arm["mse"]
    assert json.loads((tmp_path / plain["path"] / "study.json").read_text("utf8"))["arms"] == plain["arms"]
    assert json.loads(fairtrial(*words, cwd=tmp_path).stdout) == plain


def test_nothing_of_it_needs_torch() -> None:
    code = "import sys, fairtrial.report.text, fairtrial.report.contract; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
