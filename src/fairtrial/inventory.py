"""What a folder of runs holds, a line for each run and each study, read without building any of them.

Ten thousand runs take a moment: of each, the recipe and the end of its events are read, and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from fairtrial.spec.errors import OutOfResources
from fairtrial.spec.events import PAUSED
from fairtrial.spec.files import EVENTS, LOCK, MADE, ORDER, OWNER, PLAN, RECIPE, RESULT, STUDIES

TAIL = 1 << 13  # bytes at the end of a run's events in which its best epoch nearly always is
# A link is not followed, and a pipe not waited for: the run may be of somebody else's making
_PLAIN = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NAME = re.compile(r"-[0-9a-f]{12}$")  # of a run's folder
_BEFORE = re.compile(rf"{MADE}|{RECIPE}|{LOCK}|{OWNER}|\.writing-.*")  # files that come before the first event
_TRAINED = re.compile(rf"{EVENTS}|.*\.safetensors")  # files that come after the recipe
_read = json.JSONDecoder().decode


@dataclass(frozen=True)
class RunLine:
    """A run as a list shows it; what a damaged one does not say is None."""

    name: str
    # finished, early-stopped, diverged, interrupted, paused; unfinished: killed or at work; incomplete: no run so far;
    # damaged
    ended: str
    written_seconds: float  # since 1970, when its events were last written
    model: str | None = None
    data: str | None = None
    optimizer: str | None = None
    lr: float | None = None
    seed: int | None = None
    planned: int | None = None  # epochs
    epochs: int | None = None  # completed
    best_epoch: int | None = None  # whose weights are scored; 0: none was completed
    valid: float | None = None  # accuracy
    test: float | None = None
    damaged_lines: int = 0  # of those at the end of its events that say how far it came


@dataclass(frozen=True)
class StudyLine:
    """A study as a list shows it."""

    folder: str  # below `studies/`
    study: str
    ended: str  # done; half-done: begun, without a result so far; or damaged
    written_seconds: float
    arms: tuple[str, ...] = ()
    seeds: int | None = None
    metric: str | None = None
    summary: str | None = None


def run_lines(root: Path) -> list[RunLine]:
    """All runs below the folder, the one begun last at the end."""
    lines, place = [line for name in folders(root) if (line := run_line(f"{root}/{name}", name))], places(root)
    return sorted(lines, key=lambda line: (place.get(line.name, -1), line.written_seconds))


def study_lines(root: Path) -> list[StudyLine]:
    """All studies that were made or begun, the one begun last at the end."""
    folder = root / STUDIES
    lines, place = [line for name in folders(folder) if (line := _study_line(folder / name))], places(root)
    return sorted(lines, key=lambda line: (place.get(f"{STUDIES}/{line.folder}", -1), line.written_seconds))


def places(root: Path) -> dict[str, int]:
    """Runs and studies of a store by when they were begun, whatever clocks said; those copied into it are not there."""
    path = root / ORDER
    names = path.read_bytes().split(b"\n") if path.is_file() else []
    return {os.fsdecode(name): place for place, name in enumerate(names)}


def folders(root: Path) -> list[str]:
    """Their names; a folder that is not there holds none."""
    try:
        return [entry.name for entry in os.scandir(root) if entry.is_dir()] if root.is_dir() else []
    except OSError as error:
        raise OutOfResources(f"{root}: {error.strerror}; give a folder that can be read") from error


def run_line(folder: str, name: str) -> RunLine | None:
    """The run in a folder; None if there is none in it."""
    written = 0.0
    try:
        recipe, written, _ = _tail(f"{folder}/{RECIPE}")
        if not os.access(f"{folder}/{MADE}", os.F_OK):
            return RunLine(name, "damaged", written)
        with contextlib.suppress(FileNotFoundError):  # begun, and killed before its first event
            return _with_events(name, _read(recipe.decode()), f"{folder}/{EVENTS}")
        if _was_trained(Path(folder)):
            return RunLine(name, "damaged", written)
        return _described(name, _read(recipe.decode()), b"", written)
    except (FileNotFoundError, NotADirectoryError):
        return _without_recipe(Path(folder))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return RunLine(name, "damaged", written)


def never_began(folder: Path) -> bool:
    """Whether this was to become a run, and holds nothing that was trained, nor anything of others."""
    ours = _NAME.search(folder.name) is not None and folder.is_dir()
    return ours and all(_BEFORE.fullmatch(path.name) for path in folder.iterdir())


def _without_recipe(folder: Path) -> RunLine | None:
    """What was a run, or was to become one; None for any other folder."""
    if not _NAME.search(folder.name) or not folder.is_dir():
        return None
    written = folder.stat().st_mtime
    if _was_trained(folder):
        return RunLine(folder.name, "damaged", written)
    return RunLine(folder.name, "incomplete", written) if never_began(folder) else None


def _was_trained(folder: Path) -> bool:
    """Whether files are there that come after a run's recipe."""
    return any(_TRAINED.fullmatch(path.name) for path in folder.iterdir())


def _with_events(name: str, recipe: dict[str, Any], path: str) -> RunLine:
    events, written, whole = _tail(path, TAIL)
    line = _described(name, recipe, events, written)
    if line.valid is not None or whole:
        return line
    events, written, _ = _tail(path)  # its best epoch was long ago, or there was none
    return _described(name, recipe, events, written)


def _tail(path: str, most: int = 0) -> tuple[bytes, float, bool]:
    """The last lines of a file within so many bytes, or all; when it was written; whether they are all."""
    handle = os.open(path, _PLAIN)
    try:
        about = os.fstat(handle)
        if not 0 < most < about.st_size:
            return os.read(handle, about.st_size), about.st_mtime, True
        os.lseek(handle, -most, os.SEEK_END)
        lines = os.read(handle, most)
        return lines[lines.find(b"\n") + 1 :], about.st_mtime, False
    finally:
        os.close(handle)


def _described(name: str, recipe: dict[str, Any], events: bytes, written: float) -> RunLine:
    """The run whose events end so; a torn last line is left out."""
    end = events.rfind(b"\n")
    last = _read(events[events.rfind(b"\n", 0, end) + 1 : end].decode()) if end >= 0 else {}
    over = last.get("event") == "ended"
    epoch, best, damaged = _epochs(events, max(0, end))
    return RunLine(
        name=name,
        ended=("paused" if last.get("detail") == PAUSED else last["reason"]) if over else "unfinished",
        written_seconds=written,
        model=str(recipe["model"]),
        data=str(recipe["data"]),
        optimizer=str(recipe["optimizer"]),
        lr=float(recipe["lr"]),
        seed=int(recipe["seed"]),
        planned=int(recipe["epochs"]),
        epochs=last["epoch"] if over else epoch.get("epoch", 0),
        best_epoch=last["best_epoch"] if over else best.get("epoch", 0),
        valid=_number(best["scores"].get("valid/accuracy")) if best else None,
        test=_number(last["scores"].get("test/accuracy")) if over else None,
        damaged_lines=damaged,
    )


def _number(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _epochs(events: bytes, end: int) -> tuple[dict[str, Any], dict[str, Any], int]:
    """The last end of an epoch and the last that was the best, as far as they are there, and damaged lines on the way.

    Of all lines only theirs say `true`, once and twice: that spares reading the others.
    """
    epoch: dict[str, Any] = {}
    damaged = 0
    while (place := events.rfind(b"true", 0, end)) >= 0:
        end = max(0, events.rfind(b"\n", 0, place))
        line = events[end : events.find(b"\n", place)]
        if epoch and line.count(b"true") < 2:
            continue
        try:
            event = _read(line.decode())
            at_end = event["event"] == "scored" and event["at_end"]
        except (ValueError, KeyError, TypeError, RecursionError):
            damaged += 1
            continue
        if at_end:
            epoch = epoch or event
            if event["best"]:
                return epoch, event, damaged
    return epoch, {}, damaged


def _study_line(folder: Path) -> StudyLine | None:
    """The study in a folder: its result, or else its plan; None if there is neither."""
    for file in (RESULT, PLAN):
        path = folder / file
        if path.is_file():
            break
    else:
        return None
    written = 0.0
    try:
        data, written, _ = _tail(f"{path}")
        plain = _read(data.decode())
        done = file == RESULT
        return StudyLine(
            folder=folder.name,
            study=plain["study"],
            ended="done" if done else "half-done",
            written_seconds=written,
            arms=tuple(arm["name"] for arm in plain["arms"]) if done else tuple(plain["arms"]),
            seeds=plain["seeds"] if done else len(plain["seeds"]),
            metric=plain["metric"],
            summary=plain["summary"] if done else None,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return StudyLine(folder.name, folder.name.rpartition("-")[0], "damaged", written)
