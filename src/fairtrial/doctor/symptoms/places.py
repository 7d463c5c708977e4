"""Where to change something: the lines of a script that lead to the one where a fault is seen."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fairtrial.doctor.journal import Journal
from fairtrial.doctor.observations import Lineage, Subject

Lines = tuple[tuple[str, str], ...]


def leading(journal: Journal, about: Subject, where: str | None) -> Lines:
    """The lines that lead to what a line reads, nearest first, each with its text."""
    return next((one.lines for one in journal.of(Lineage) if (one.about, one.where) == (about, where)), ())


def first(lines: Iterable[tuple[str, str]], *patterns: str) -> str | None:
    """The first line with the first of these patterns that any line has."""
    held = tuple(lines)
    return next((where for pattern in patterns for where, text in held if re.search(pattern, text)), None)
