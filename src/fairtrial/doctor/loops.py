"""The loop over epochs: the outermost loop of a script that a line is inside of, functions that call it included."""

from __future__ import annotations

import ast
import functools
import linecache
from types import FrameType

from fairtrial.doctor.lines import foreign, lines_above


def outermost(frame: FrameType | None) -> str | None:
    """Of the script's frames from this one up: the first line, as path:line, of the outermost loop around any."""
    found: str | None = None
    while frame is not None:
        number, path = frame.f_lineno, frame.f_code.co_filename
        inside = [first for first, last in _loops(path) if first < number <= last]
        if inside and (line := next(lines_above(frame), "")).endswith(f":{number}"):
            found = f"{line.rpartition(':')[0]}:{min(inside)}"
        if frame.f_code.co_name == "<module>":
            break
        frame = frame.f_back
    return found


def repeated(frame: FrameType | None) -> str | None:
    """The line, as path:line, that is at work in a loop: of the functions that lead here, the first that trains too.

    What only builds something and returns it is left out, so that the call that asks for it again is told.
    """
    found: str | None = None
    while frame is not None:
        line = next(lines_above(frame), None)
        if line is None:
            return None
        path, number = frame.f_code.co_filename, frame.f_lineno
        if line.endswith(f":{number}") and not foreign(path):
            looped = any(first < number <= last for first, last in _loops(path))
            if found is None and (looped or "step" in frame.f_code.co_names):
                found = line
            if looped:
                return found
        frame = None if frame.f_code.co_name == "<module>" else frame.f_back
    return None


@functools.cache
def _loops(path: str) -> tuple[tuple[int, int], ...]:
    """First and last lines of each loop of a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except SyntaxError:  # of a notebook's cell, or no file at all
        return ()
    loops = (node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While))
    return tuple((node.lineno, node.end_lineno or node.lineno) for node in loops)
