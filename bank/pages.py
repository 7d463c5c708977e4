"""Writes docs/faults: a page for each fault of the catalogue, with a program of the bank and what is printed of it."""

from __future__ import annotations

import difflib
import io
import os
from pathlib import Path

import torch
from rich.console import Console
from run import BANK, IDIOMS, MARK, examine, programs

from fairtrial.doctor.catalogue import FAULTS, Fault
from fairtrial.doctor.findings import Diagnosis
from fairtrial.doctor.told import show_diagnosis

PAGES = BANK.parent / "docs" / "faults"
KINDS = {
    "exact": "Exact: what is seen proves it.",
    "statistical": "Statistical: numbers make it likely; a `fail` needs a trial of the fix.",
    "hint": "A hint: it may be meant.",
}


def program(faulty: Path) -> str:
    """The program without its mark."""
    return "\n".join(line.partition(f"  {MARK}")[0] for line in faulty.read_text("utf8").splitlines())


def difference(faulty: Path) -> str:
    """What has to be changed in the faulty program, as a diff."""
    healthy = faulty.with_name(faulty.name.replace("_faulty", "_healthy"))
    before, after = (program(path).splitlines() for path in (faulty, healthy))
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    return "\n".join(line for line in lines if not line.startswith("@@"))


def printed(faulty: Path, fault: str) -> str:
    """The finding as the command prints it."""
    found = tuple(one for one in examine(faulty).diagnosis.findings if one.fault == fault)
    text = io.StringIO()
    console = Console(file=text, width=100, highlight=False, no_color=True)
    show_diagnosis(Diagnosis(found[:1], (), ()), console)
    lines = text.getvalue().partition("\nchecked:")[0].splitlines()
    return "\n".join(line.partition(MARK)[0].rstrip() for line in lines).rstrip()


def page(fault: Fault, faulty: Path | None) -> str:
    """The page of a fault."""
    parts = [f"# {fault.name}", fault.what, f"**Why it hurts.** {fault.why}", f"**What to change.** {fault.fix}"]
    parts.append(KINDS[fault.kind])
    if faulty is None:
        parts.append("No rule decides this fault in a running script yet: it is listed under `not_observable`.")
    else:
        where = faulty.relative_to(BANK.parent)
        parts.append(f"## A program that has it\n\n`{where}`\n\n```python\n{program(faulty).strip()}\n```")
        parts.append(f"## What the doctor prints\n\n```text\n{printed(faulty, fault.name)}\n```")
        parts.append(f"## What mends it\n\n```diff\n{difference(faulty)}\n```")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write all pages and their index."""
    os.chdir(BANK.parent)
    torch.set_num_threads(1)
    PAGES.mkdir(parents=True, exist_ok=True)
    faulty = [path for path in (*programs(), *programs(folder=IDIOMS)) if path.stem.endswith("_faulty")]
    faulty.sort(key=lambda path: (path.is_relative_to(IDIOMS), len(path.read_text("utf8").splitlines())), reverse=True)
    by_fault = {path.parent.name: path for path in faulty}  # the shortest one, of the bank's own if there is one
    index = ["# The faults", "Written by `python bank/pages.py` from the catalogue and the bank."]
    for part in dict.fromkeys(fault.part for fault in FAULTS.values()):
        rows = [f"| [{f.name}]({f.name}.md) | {f.what} |" for f in FAULTS.values() if f.part == part]
        index.append(f"## {part.capitalize()}\n\n| fault | what it is |\n| --- | --- |\n" + "\n".join(rows))
    (PAGES / "README.md").write_text("\n\n".join(index) + "\n", "utf8")
    for name, fault in FAULTS.items():
        (PAGES / f"{name}.md").write_text(page(fault, by_fault.get(name)), "utf8")


if __name__ == "__main__":
    main()
