"""Where the user's code is at work: the lines of a script, torch's and our own left out."""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import re
import site
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import fairtrial

HERE = Path.cwd()  # when the script begins: it may change its folder later
OURS = str(Path(fairtrial.__file__).parent) + os.sep
FOREIGN = tuple(
    {
        str(Path(place)) + os.sep
        for place in (
            Path(fairtrial.__file__).parent,
            sysconfig.get_path("stdlib"),
            sysconfig.get_path("purelib"),
            sysconfig.get_path("platlib"),
            *site.getsitepackages(),
            site.getusersitepackages(),
        )
    }
)
ROW = re.compile(r"""["']\s*:\s*lambda\b""")
TYPED = ("<stdin>", "<ipython-input", "<python-input", "<console>")  # at a prompt; other files in <> are made by code


@functools.cache
def foreign(path: str) -> bool:
    """Whether a file of code is none of the user's."""
    return path.startswith(FOREIGN) or (path.startswith("<") and not path.startswith(TYPED))


def ours(frame: FrameType | None) -> bool:
    """Whether the doctor itself asks, and not the user's code."""
    while frame is not None and foreign(frame.f_code.co_filename):
        if frame.f_code.co_filename.startswith(OURS):
            return True
        frame = frame.f_back
    return False


def own(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames of the user's that are at work, innermost first."""
    while frame is not None:
        if not foreign(frame.f_code.co_filename):
            yield frame
            if frame.f_code.co_name == "<module>":  # what runs or imports the script is none of its frames
                return
        frame = frame.f_back


def lines_above(frame: FrameType | None) -> Iterator[str]:
    """The user's lines that are at work, as path:line, innermost first; rows of a table of functions left out."""
    return (f"{shown(one.f_code.co_filename)}:{one.f_lineno}" for one in own(frame) if not _row(one))


def _row(frame: FrameType) -> bool:
    """Whether a frame is in a function of a table: who takes it from there has chosen it."""
    if frame.f_code.co_name != "<lambda>":
        return False
    return ROW.search(linecache.getline(frame.f_code.co_filename, frame.f_lineno)) is not None


def place(frame: FrameType) -> str | None:
    """The innermost line of the user's code, as `lines_above` would give it first; asked for at each step."""
    one: FrameType | None = frame
    while one is not None and (foreign(one.f_code.co_filename) or _row(one)):
        one = one.f_back
    return None if one is None else f"{shown(one.f_code.co_filename)}:{one.f_lineno}"


@functools.cache
def shown(path: str) -> str:
    """The path as one would type it where the script was started."""
    return str(Path(path).relative_to(HERE)) if Path(path).is_relative_to(HERE) else path


def source(where: str) -> str:
    """The text of a line that is named as path:line; empty where there is none."""
    path, _, line = where.rpartition(":")
    path = path if path.startswith("<") else str(HERE / path)
    return linecache.getline(path, int(line)).strip() if line.isdecimal() else ""


@functools.cache
def listing(one: Any) -> tuple[tuple[str, str], ...]:
    """The lines of a function, a class or a module, each with its text; none where there is no source."""
    try:
        lines, begin = inspect.getsourcelines(one)
        path = shown(inspect.getfile(one))
    except (OSError, TypeError):
        return ()
    return tuple((f"{path}:{number}", line.strip()) for number, line in enumerate(lines, max(begin, 1)))
