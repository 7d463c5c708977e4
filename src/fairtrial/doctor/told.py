"""A diagnosis as JSON and as text."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from fairtrial.doctor.catalogue import FAULTS
from fairtrial.doctor.findings import Diagnosis

COLOURS = {"fail": "red", "warn": "yellow", "info": "cyan"}


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """What `doctor --json` prints."""
    return asdict(diagnosis)


def show_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Each finding with its place, evidence, reason and fix; then what was looked for."""
    for number, found in enumerate(diagnosis.findings, 1):
        colour = COLOURS[found.level]
        sure = "" if found.confidence == 1 else f" (confidence {found.confidence:.0%})"
        console.print(f"{number}. [bold {colour}]{found.level} {found.fault}[/]{sure}", highlight=False)
        console.print(f"   {FAULTS[found.fault].what}")
        for name, text in (("where", found.where or "the whole training"), ("seen", found.evidence)):
            console.print(f"   {name}: {escape(text)}")
        console.print(f"   why it hurts: {escape(found.why)}")
        console.print(f"   what to change: {escape(found.fix)}\n")
    if not diagnosis.findings:
        console.print("no fault found")
    console.print(f"checked: {len(diagnosis.checked)} of {len(FAULTS)} faults; not observable here: "
                  f"{', '.join(diagnosis.not_observable) or 'none'}")  # fmt: skip
    for note in diagnosis.notes:
        console.print(f"note: {escape(note)}")
