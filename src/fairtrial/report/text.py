"""Tables for a terminal: on a narrow one each row becomes a few lines; without colours or UTF-8 nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD, Box
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from fairtrial.doctor.findings import Diagnosis
from fairtrial.doctor.records import diagnose
from fairtrial.report import tables, views, wording
from fairtrial.report.arm_findings import study_findings
from fairtrial.store import Record
from fairtrial.verdicts import Comparison

LONGEST = 1000  # characters of a summary
WORD_WIDTH = 16  # columns of words may be folded down to this before a table becomes lines
STYLES = {
    "better": "bold green",
    "worse": "bold red",
    "equivalent": "cyan",
    "undecided": "yellow",
    "diverged": "bold red",
}
LEVELS = {"fail": "bold red", "warn": "yellow", "info": "cyan"}
ASCII_HEAD = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def show_record(record: Record, console: Console) -> None:
    """What a run came to, and what the doctor says of it."""
    show_table(tables.run_table(record), console)
    show_findings(diagnose(record), console)


def show_findings(diagnosis: Diagnosis, console: Console) -> None:
    """Each finding in two lines, what to mend first in front."""
    for found in diagnosis.findings:
        where = f" at {found.where}" if found.where else ""
        said = wording.clean(f"{found.level}: {found.fault}{where}: {found.evidence}")
        console.print(plain(said, console, LEVELS[found.level]))
        console.print(Padding(plain(wording.clean(found.fix), console), (0, 0, 0, 2), expand=False))
    if not diagnosis.findings:
        console.print(plain(f"no fault found; {len(diagnosis.checked)} were looked for", console, "dim"))


def show_comparison(comparison: Comparison, console: Console) -> None:
    """The arms, what may be unfair, the pairs, the costs, what is wrong with runs, and the outcome in a sentence."""
    show_table(tables.arms_table(comparison), console)
    for alarm in comparison.alarms:
        console.print(plain(wording.clean(alarm), console, "bold"))
    if comparison.alarms:
        console.print()
    if comparison.pairs:
        show_table(tables.pairs_table(comparison, tables.chief_pairs(comparison)), console)
    if comparison.tuning:
        show_table(tables.tuned_table(comparison), console)
    show_table(tables.costs_table(comparison), console)
    show_arm_findings(comparison, console)
    console.print(plain(views.headline(comparison, LONGEST), console, "bold"))


def show_arm_findings(comparison: Comparison, console: Console) -> None:
    """A line for each fault that runs of an arm have, or may have; the report has the remedies."""
    found = [each for arm in study_findings(comparison).values() for each in arm if each.worst.level != "info"]
    for each in found:
        seeds = f"in {len(each.runs)} of {wording.counted(each.of, 'seed')}"
        said = f"{each.worst.level}: {each.arm}: {each.worst.fault} {seeds}: {each.worst.evidence}"
        console.print(plain(wording.clean(said), console, LEVELS[each.worst.level]))
    if found:
        console.print()


def show_arch(net: Mapping[str, Any], console: Console) -> None:
    """The layers of a net with their sizes, and the totals; `net` is what `show --json` prints."""
    show_table(tables.arch_table(net), console)


def show_table(table: tables.Table, console: Console) -> None:
    """The table with its caption above and its notes below, as lines where it is wider than the console."""
    if table.caption:
        console.print(plain(table.caption, console, "bold"))
    if table.rows:
        print_rows(table, console)
    for note in table.notes:
        console.print(plain(note, console, "dim"))
    console.print()


def print_rows(table: tables.Table, console: Console) -> None:
    """The rows in columns where there is room for them, else as lines."""
    grid = as_grid(table, console)
    least = Measurement.get(console, console.options.update(max_width=10_000), grid).maximum - _spare(table)
    if least <= console.width:
        console.print(grid)
    else:
        print_lines(table, console)


def _spare(table: tables.Table) -> int:
    """How much narrower the table gets when its columns of words are folded."""
    places = [place for place, column in enumerate(table.columns) if not column.numeric]
    return sum(max(0, max((len(row[place]) for row in table.rows), default=0) - WORD_WIDTH) for place in places)


def as_grid(table: tables.Table, console: Console) -> Grid:
    """The table for rich; only its columns of words may be folded."""
    utf8 = console.encoding.lower().startswith("utf")
    grid = Grid(
        box=SIMPLE_HEAD if utf8 else ASCII_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
        header_style="bold",
    )
    for column in table.columns:
        align = "right" if column.numeric else "left"
        grid.add_column(plain(column.name, console), justify=align, no_wrap=column.numeric, overflow="fold")
    for row in table.rows:
        grid.add_row(*(plain(cell, console, STYLES.get(cell, "")) for cell in row))
    return grid


def print_lines(table: tables.Table, console: Console) -> None:
    """Each row as its name and, below it, one line a column."""
    width = max(len(column.name) for column in table.columns[1:])
    for name, *cells in table.rows:
        console.print(plain(name, console, "bold"))
        for column, cell in zip(table.columns[1:], cells, strict=True):
            if cell:
                line = Text.assemble(f"{column.name:<{width}}  ", plain(cell, console, STYLES.get(cell, "")))
                console.print(Padding(line, (0, 0, 0, 2), expand=False))


def plain(text: str, console: Console, style: str = "") -> Text:
    """Text that rich takes literally, with what the output's encoding lacks as a question mark."""
    known = text.encode(console.encoding, "replace").decode(console.encoding)
    return Text(known, style=style, overflow="fold")
