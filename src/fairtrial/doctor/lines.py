"""Where the user's code is at work: the lines of a script, torch's and our own left out."""

from __future__ import annotations

import functools
import linecache
import os
import site
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import fairtrial

HERE = Path.cwd()  # when the script begins: it may change its folder later
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
TYPED = ("<stdin>", "<ipython-input", "<python-input", "<console>")  # at a prompt; other files in <> are made by code


def foreign(path: str) -> bool:
    """Whether a file of code is none of the user's."""
    return path.startswith(FOREIGN) or (path.startswith("<") and not path.startswith(TYPED))


def lines_above(frame: FrameType | None) -> Iterator[str]:
    """The user's lines that are at work, as path:line, innermost first."""
    while frame is not None:
        path = frame.f_code.co_filename
        if not foreign(path):
            yield f"{shown(path)}:{frame.f_lineno}"
            if frame.f_code.co_name == "<module>":  # what runs or imports the script is none of its lines
                return
        frame = frame.f_back


def place(frame: FrameType) -> str | None:
    """The innermost line of the user's code."""
    return next(lines_above(frame), None)


@functools.cache
def shown(path: str) -> str:
    """The path as one would type it where the script was started."""
    return str(Path(path).relative_to(HERE)) if Path(path).is_relative_to(HERE) else path


def source(where: str) -> str:
    """The text of a line that is named as path:line; empty where there is none."""
    path, _, line = where.rpartition(":")
    path = path if path.startswith("<") else str(HERE / path)
    return linecache.getline(path, int(line)).strip() if line.isdecimal() else ""
