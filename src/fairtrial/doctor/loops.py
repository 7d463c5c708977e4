"""The loop over epochs: the outermost loop of a script that a line is inside of, functions that call it included."""

from __future__ import annotations

import ast
import functools
import linecache
from types import FrameType

from fairtrial.doctor.lines import own, shown


def outermost(frame: FrameType | None) -> str | None:
    """Of the script's frames from this one up: the first line, as path:line, of the outermost loop around any."""
    found: str | None = None
    for one in own(frame):
        if inside := _around(one):
            found = f"{shown(one.f_code.co_filename)}:{min(inside)}"
    return found


def repeated(frame: FrameType | None) -> str | None:
    """The line, as path:line, that is at work in a loop: of the functions that lead here, the first that trains too.

    What only builds something and returns it is left out, so that the call that asks for it again is told.
    """
    found: str | None = None
    for one in own(frame):
        looped = bool(_around(one))
        if found is None and (looped or "step" in one.f_code.co_names):
            found = f"{shown(one.f_code.co_filename)}:{one.f_lineno}"
        if looped:
            return found
    return None


def _around(frame: FrameType) -> list[int]:
    """The first lines of the loops that a frame is at work in."""
    return [first for first, last in _loops(frame.f_code.co_filename) if first < frame.f_lineno <= last]


@functools.cache
def _loops(path: str) -> tuple[tuple[int, int], ...]:
    """First and last lines of each loop of a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except SyntaxError:  # of a notebook's cell, or no file at all
        return ()
    loops = (node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While))
    return tuple((node.lineno, node.end_lineno or node.lineno) for node in loops)
