"""Terminal output keeps its numbers on narrow and plain terminals, and takes nobody's text for an instruction."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from fairtrial.report import tables, views, wording
from fairtrial.report.contract import arch_json
from fairtrial.report.progress import Progress, StudyProgress
from fairtrial.report.text import show_arch, show_comparison, show_record, show_table
from fairtrial.runner import run
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.events import Fitted, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.store import MemoryStore, Record
from fairtrial.verdicts import Comparison, compare_records

SMALL = Recipe(model="linear", epochs=2, lr=0.01, engine="numpy")
HOSTILE = "[bold red]x[/] \x1b]0;title\x07\x1b[2J :smile: \u202eabc é"


class Screen:
    """A console that writes bytes in some encoding, as a terminal or a file would get them."""

    def __init__(self, width: int = 80, encoding: str = "utf-8", terminal: bool = False) -> None:
        self._bytes = io.BytesIO()
        self._file = io.TextIOWrapper(self._bytes, encoding=encoding, newline="")
        self.console = Console(file=self._file, width=width, force_terminal=terminal, legacy_windows=False)

    @property
    def text(self) -> str:
        self._file.flush()
        return self._bytes.getvalue().decode(self._file.encoding)


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(scope="module")
def record(store: MemoryStore) -> Record:
    return run(SMALL.but(score_every=7), store)


def study(store: MemoryStore, first: str = "adam", name: str = "optimizers") -> Comparison:
    arms = {first: SMALL, "sgd": SMALL.but(optimizer="sgd")}
    made = {n: ({"optimizer": n}, [run(r.but(seed=s), store) for s in range(3)]) for n, r in arms.items()}
    return compare_records(name, made)


@pytest.mark.parametrize("width", [40, 100])
@pytest.mark.row("U8")
def test_a_records_numbers_are_shown_whole_at_any_width(record: Record, width: int) -> None:
    screen = Screen(width)
    show_record(record, screen.console)
    made = views.outcome(record)
    for part in ("train", "valid", "test"):
        assert wording.percent(made.scores[f"{part}/accuracy"]) in screen.text
        assert wording.number(made.scores[f"{part}/loss"]) in screen.text
    assert record.name in screen.text
    assert max(map(len, screen.text.splitlines())) <= width


@pytest.mark.parametrize("width", [40, 100])
def test_a_comparisons_numbers_are_shown_whole_at_any_width(store: MemoryStore, width: int) -> None:
    comparison, screen = study(store), Screen(width)
    show_comparison(comparison, screen.console)
    for row in (*tables.arms_table(comparison).rows, *tables.pairs_table(comparison, comparison.pairs).rows):
        for cell in row:
            assert cell in screen.text
    assert comparison.summary in " ".join(screen.text.split())
    assert max(map(len, screen.text.splitlines())) <= width


def test_pairs_fit_a_terminal_of_eighty_columns_as_a_table(store: MemoryStore) -> None:
    comparison, screen = study(store), Screen(80)
    show_comparison(comparison, screen.console)
    row = tables.pairs_table(comparison, comparison.pairs).rows[0]
    assert any(all(cell in line for cell in row) for line in screen.text.splitlines())


def test_of_many_arms_only_the_best_ones_pairs_fill_the_terminal(store: MemoryStore) -> None:
    lrs = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]
    made = {f"lr={lr}": ({"lr": lr}, [run(SMALL.but(lr=lr, seed=s), store) for s in range(2)]) for lr in lrs}
    comparison, screen = compare_records("rates", made), Screen(100)
    show_comparison(comparison, screen.console)
    best = comparison.arms[0].name
    pairs = [line for line in screen.text.splitlines() if re.match(r"lr=\S+ - lr=", line)]
    assert len(pairs) == 5
    assert all(best in line for line in pairs)
    assert "10 pairs without the best arm are in the report" in screen.text


@pytest.mark.parametrize("width", [40, 100])
def test_a_nets_sizes_and_totals_are_shown(width: int) -> None:
    net = arch_json("tiny", read_arch("conv 10, pool, relu, flatten, linear 10"), (1, 28, 28), 4)
    screen = Screen(width)
    show_arch(net, screen.console)
    # conv: 10 kernels of 3x3 and a bias each; linear: 10 x (10 * 14 * 14) weights and 10 biases
    for said in ("10x28x28", "100", "70,560", "19,610", "19,710", "90,160", "77.0 KiB"):
        assert said in screen.text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("width", [40, 100])
def test_hostile_names_reach_the_terminal_as_text(store: MemoryStore, encoding: str, width: int) -> None:
    screen = Screen(width, encoding)
    show_comparison(study(store, HOSTILE, HOSTILE), screen.console)
    assert "\x1b" not in screen.text
    assert "\x07" not in screen.text
    assert "\u202e" not in screen.text
    flat = re.sub(r"\s+", "", screen.text)
    assert "[boldred]x[/]" in flat
    assert ":smile:" in flat


@pytest.mark.row("U8")
def test_colours_are_left_out_where_they_are_not_wanted(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = Screen(terminal=True)
    show_comparison(study(store), screen.console)
    assert not re.search(r"\x1b\[[\d;]*3[0-7]", screen.text)


def test_a_long_word_column_is_folded_before_the_table_becomes_lines() -> None:
    table = tables.table("t", ("arm", "n"), [("a" * 70, 5)])
    screen = Screen(40)
    show_table(table, screen.console)
    assert "".join(screen.text.split()).count("a") == 70 + 1  # and that of the heading
    assert "5" in screen.text


def test_progress_says_each_score_in_a_line_where_there_is_no_terminal(store: MemoryStore) -> None:
    screen = Screen(width=30)
    with Progress(screen.console) as watch:
        record = run(SMALL.but(score_every=7, seed=11), store, watch=watch)
    scored = [e for e in record.events if isinstance(e, Scored)]
    lines = [line for line in screen.text.splitlines() if line.lstrip().startswith(("epoch", "step"))]
    assert len(lines) == len(scored) == 7
    for line, event in zip(lines, scored, strict=True):
        assert f"{event.scores['valid/loss']:.4f} {100 * event.scores['valid/accuracy']:.2f} %" in line
        assert line.endswith("*") == event.best
    assert "\x1b" not in screen.text


def test_progress_on_a_terminal_has_a_bar_with_the_newest_numbers(store: MemoryStore) -> None:
    screen = Screen(width=100, terminal=True)
    with Progress(screen.console) as watch:
        record = run(SMALL.but(seed=12), store, watch=watch)
    last = [e for e in record.events if isinstance(e, Fitted)][-1]
    assert f"loss {last.scores['running/loss']:.4f}" in screen.text
    assert "images/s" in screen.text
    assert f"epoch 2  train {record.epochs[1].scores['train/loss']:.4f}" in screen.text


@pytest.mark.parametrize("terminal", [False, True])
def test_progress_of_a_study_counts_runs(record: Record, terminal: bool) -> None:
    screen = Screen(width=100, encoding="ascii", terminal=terminal)
    with StudyProgress(screen.console) as progress:
        progress.begin(5, 3)
        progress.done("adam", 0, record)
        progress.done(HOSTILE, 1, record)
        progress.watch.say(HOSTILE)
    assert "4/5  adam  seed 0  test/accuracy" in screen.text
    assert "5/5" in screen.text
    assert "\x1b]0" not in screen.text
    assert screen.text.count("[bold red]x[/]") == 2


def test_text_for_the_terminal_needs_neither_torch_nor_altair() -> None:
    code = "import sys, fairtrial.report.text, fairtrial.report.progress; print({'torch', 'altair'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "set()"


def test_a_finished_records_line_in_a_study_is_short(record: Record) -> None:
    diverged = replace(record.end, reason="diverged", detail="step 4: loss", scores={}) if record.end else None
    assert diverged is not None
    said = views.short(replace(record, events=(*record.events[:-1], diverged)))
    assert "diverged after 2 of 2 epochs" in said
    assert "step 4: loss" in said
