"""A diagnosis as JSON and as text."""

from __future__ import annotations

import html
import io
import textwrap
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis, Finding, may_follow
from fairtrial.doctor.lines import source

EDGES = {"fail": "#d55e00", "warn": "#e69f00", "info": "#0072b2"}  # of a notebook: all can tell them apart
COLOURS = {"fail": "red", "warn": "yellow", "info": "cyan"}
WIDEST = 100  # characters of a line that is read with ease
FEW = 12  # names that are read rather than counted
NOTHING = (
    f"no fault found of those checked; what is not among the {len(FAULTS)} (a wrong mask, a wrong idea) is not seen"
)
NARROWEST = 20  # of a terminal that may not know its width, and says 0


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """What `doctor --json` prints."""
    return asdict(diagnosis)


def show_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Each finding with its place, evidence, reason and fix; then what was looked for."""
    console.width = max(console.width, NARROWEST)
    width = min(console.width, WIDEST)
    found = diagnosis.findings
    blocks = [_finding(number, each, width, may_follow(each, found[0])) for number, each in enumerate(found, 1)]
    blocks = blocks or [
        _wrapped(NOTHING, width, "", "  ") if diagnosis.checked else "nothing was seen that could be judged"
    ]
    checked = f"checked: {len(diagnosis.checked)} of {len(FAULTS)} faults"
    if unseen := diagnosis.not_observable:
        names = ", ".join(unseen) if len(unseen) <= FEW else f"{len(unseen)}, which --json names"
        checked += f"; could not be seen here: {names}"
    foot = [_wrapped(line, width, "", "  ") for line in (checked, *(f"note: {note}" for note in diagnosis.notes))]
    console.print("\n\n".join((*blocks, "\n".join(foot))), soft_wrap=True, highlight=False)


def as_text(diagnosis: Diagnosis) -> str:
    """What `show_diagnosis` prints, without colours."""
    text = io.StringIO()
    # which in a notebook would otherwise print into the cell
    show_diagnosis(diagnosis, Console(file=text, width=WIDEST, no_color=True, force_jupyter=False))
    return text.getvalue().rstrip()


def as_html(diagnosis: Diagnosis) -> str:
    """What a notebook shows: each finding with its place, evidence, reason and fix; every word is escaped."""
    found = diagnosis.findings
    blocks = [_finding_html(each, may_follow(each, found[0])) for each in found]
    blocks = blocks or [
        "<p>No fault found.</p>" if diagnosis.checked else "<p>Nothing was seen that could be judged.</p>"
    ]
    feet = [
        f"checked: {len(diagnosis.checked)} of {len(FAULTS)} faults",
        *(f"note: {note}" for note in diagnosis.notes),
    ]
    if diagnosis.not_observable:
        names = ", ".join(diagnosis.not_observable)
        feet.append(f"{len(diagnosis.not_observable)} could not be seen here: {names}")
    foot = "".join(f'<p style="opacity:.75;margin:.2em 0">{html.escape(line)}</p>' for line in feet)
    return f'<div style="max-width:52em">{"".join(blocks)}{foot}</div>'


def _finding_html(found: Finding, follows: bool) -> str:
    sure = "" if found.confidence == 1 else f" (confidence {found.confidence:.0%})"
    code = source(found.where or "")
    said = {
        "where": found.where or "the whole training", "seen": found.evidence, "why it hurts": found.why,
        "what to change": found.fix,
    }  # fmt: skip
    rows = "".join(
        f'<dt style="font-weight:600">{name}</dt><dd style="margin:0 0 .3em 1em">{html.escape(text)}</dd>'
        for name, text in said.items()
    )
    rows = rows.replace("</dd>", f"<pre>{html.escape(code)}</pre></dd>", 1) if code else rows
    then = "<p>It may follow from the first: mend that, then ask again.</p>" if follows else ""
    return (
        f'<section style="border-left:4px solid {EDGES[found.level]};padding-left:.8em;margin:0 0 1em">'
        f'<h4 style="margin:0">{found.level}: {html.escape(found.fault)}{sure}</h4>'
        f'<p style="margin:.2em 0">{html.escape(FAULTS[found.fault].what)}</p>'
        f'<dl style="margin:0">{rows}</dl>{then}</section>'
    )


def _finding(number: int, found: Finding, width: int, follows: bool) -> str:
    """A finding in rich's markup; its place on a line of its own and whole, so that a terminal can open it."""
    sure = "" if found.confidence == 1 else f" (confidence {found.confidence:.0%})"
    where = found.where or "the whole training"
    code = source(where)
    return "\n".join(
        (
            f"{number}. [bold {COLOURS[found.level]}]{found.level} {found.fault}[/]{sure}",
            _wrapped(FAULTS[found.fault].what, width, "   "),
            f"   where: {escape(where)}",
            *([f"      [bold]{escape(code)}[/]"] if code else []),
            _wrapped(f"seen: {found.evidence}", width, "   ", "      "),
            _wrapped(f"why it hurts: {found.why}", width, "   ", "      "),
            _wrapped(f"what to change: {found.fix}", width, "   ", "      "),
            *(["   It may follow from 1: mend that first, then ask again."] if follows else []),
        )
    )


def _wrapped(text: str, width: int, first: str, rest: str = "   ") -> str:
    """Text in lines of that width; a path is never broken."""
    return escape(
        textwrap.fill(
            text,
            width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
