"""Where the user's code is at work: the lines of a script, torch's and our own left out."""

from __future__ import annotations

import functools
import os
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import fairtrial

FOREIGN = tuple(
    str(Path(place)) + os.sep
    for place in (
        Path(fairtrial.__file__).parent,
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
    )
)


def lines_above(frame: FrameType | None) -> Iterator[str]:
    """The user's lines that are at work, as path:line, innermost first."""
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith((*FOREIGN, "<frozen")):
            yield f"{shown(path)}:{frame.f_lineno}"
        frame = frame.f_back


def place(frame: FrameType) -> str | None:
    """The innermost line of the user's code."""
    return next(lines_above(frame), None)


@functools.cache
def shown(path: str) -> str:
    """The path as one would type it here."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_absolute() and Path(path).is_relative_to(here) else path
