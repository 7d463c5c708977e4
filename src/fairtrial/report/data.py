"""What an inspection of a data set found, as JSON and as a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fairtrial.parts.datasets import Inspection

SHOWN = 20  # lines of bad files and of duplicate pairs; --json has them all


def inspection_json(found: Inspection) -> dict[str, Any]:
    """What `data --json` prints."""
    return asdict(found)


def show_inspection(found: Inspection, console: Console) -> None:
    """Counts by class and split, balance, duplicates, bad files and notes."""
    console.print(counts_table(found))
    if found.shape:
        channels, height, width = found.shape
        console.print(f"images: {height}x{width}, {channels} channel{'s' if channels > 1 else ''}")
    console.print(f"balance: the largest class has {found.balance:.2f} times the images of the smallest")
    if found.fingerprint:
        console.print(f"fingerprint: {found.fingerprint}")
        console.print(f"exact duplicates within the training part: {found.train_repeats.count}")
        console.print(f"exact duplicates of training images in the test part: {found.test_in_train.count}")
        console.print(f"equal pictures with different labels: {found.contradictions.count}")
    for a, b in (*found.test_in_train.examples, *found.contradictions.examples)[:SHOWN]:
        console.print(f"  {escape(a)} = {escape(b)}")
    for bad in found.bad[:SHOWN]:
        console.print(f"bad file: {escape(bad.path)}: {escape(bad.reason)}")
    if len(found.bad) > SHOWN:
        console.print(f"... and {len(found.bad) - SHOWN} more bad files")
    for line in (*found.faults, *found.notes):
        console.print(escape(line))


def counts_table(found: Inspection) -> Table:
    """Images of each class in each split."""
    splits = list(found.counts)
    table = Table("class", *splits, title=escape(found.name))
    names = list(dict.fromkeys(name for counts in found.counts.values() for name in counts))
    for name in names:
        table.add_row(escape(name), *(str(found.counts[split].get(name, 0)) for split in splits))
    table.add_section()
    table.add_row("all", *(str(sum(found.counts[split].values())) for split in splits))
    return table
