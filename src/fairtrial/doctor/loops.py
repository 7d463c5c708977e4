"""The loop over epochs: the outermost loop of a script that a line is inside of, functions that call it included."""

from __future__ import annotations

import ast
import functools
import linecache
from types import FrameType

from fairtrial.doctor.lineage import read
from fairtrial.doctor.lines import own, shown
from fairtrial.doctor.watched.variables import variables


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


def turns(frame: FrameType | None) -> list[tuple[str, tuple[int | float | str, ...]]]:
    """The for-loops at work, innermost first, each as path:line with the numbers and words that its turn goes by."""
    found: list[tuple[str, tuple[int | float | str, ...]]] = []
    for one in own(frame):
        path = one.f_code.co_filename
        inside = [loop for loop in _counted(path) if loop[0] < one.f_lineno <= loop[1]]
        held = variables(one) if inside else {}
        for first, _, names in reversed(inside):
            values = tuple(held[name] for name in names if isinstance(held.get(name), int | float | str))
            found.append((f"{shown(path)}:{first}", values))
    return found


def _around(frame: FrameType) -> list[int]:
    """The first lines of the loops that a frame is at work in."""
    return [first for first, last in _loops(frame.f_code.co_filename) if first < frame.f_lineno <= last]


@functools.cache
def _counted(path: str) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
    """First and last lines of each for-loop of a file, outer ones first, and the names that it gives values."""
    file = read(path)
    loops = sorted(
        (node for node in file.parents if isinstance(node, ast.For)) if file else (), key=lambda node: node.lineno
    )
    return tuple(
        (
            loop.lineno,
            loop.end_lineno or loop.lineno,
            tuple(node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)),
        )
        for loop in loops
    )


@functools.cache
def _loops(path: str) -> tuple[tuple[int, int], ...]:
    """First and last lines of each loop of a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except SyntaxError:  # of a notebook's cell, or no file at all
        return ()
    loops = (node for node in ast.walk(tree) if isinstance(node, ast.For | ast.While))
    return tuple((node.lineno, node.end_lineno or node.lineno) for node in loops)
