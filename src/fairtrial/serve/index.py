"""All runs of a store in memory, a row each: what was written since is read again, and nothing else.

Ten thousand runs are ten thousand folders. A look at those that can change, which are few, costs next to nothing and
is taken often; a look at all of them takes a while, and is taken so seldom that it needs half a part in a hundred of
the time.
"""

from __future__ import annotations

import json
import os
import stat
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeAlias

from fairtrial.inventory import RunLine, folders, run_line
from fairtrial.serve.reading import ReadStore, is_name
from fairtrial.spec.errors import FairtrialError, UnknownName
from fairtrial.spec.files import EVENTS, RECIPE
from fairtrial.store import read_record

OVER = ("finished", "early-stopped", "diverged")
SHARE = 200  # looking at all runs may take one part in so many of the time
SELDOM = 5.0  # seconds between two such looks, at least
ASLEEP = 3600.0  # seconds without a word after which a run that is not over is no longer looked at so often
ALWAYS = ("model", "data", "optimizer", "lr", "batch", "seed")  # fields that are told whether they differ or not
TOLD = ("name", "ended", "written", "epochs", "planned", "best_epoch", "valid", "test", "reason")

Stamp: TypeAlias = tuple[int, int]  # when a file was written, in nanoseconds, and its bytes: a clock may stand still
NOTHING, LINK = (0, 0), (0, -1)


@dataclass(frozen=True)
class Row:
    """A run as the list has it; `version` is that of the index which brought it."""

    line: RunLine
    recipe: dict[str, Any]
    reason: str  # why it is damaged
    stamp: tuple[Stamp, Stamp]  # of its recipe and its events
    version: int


class Index:
    """The runs of a store by name. Safe for threads: they see it before a look or after it."""

    def __init__(self, store: ReadStore) -> None:
        self.store = store
        self.rows: dict[str, Row] = {}
        self.gone: dict[str, int] = {}  # runs that were deleted, and in which version
        self.version = 0
        self.whole = False  # whether all runs have been looked at
        self._values: dict[str, set[str]] = {}  # of each field, as JSON
        self._lock = Lock()
        self._next_look_at_all = 0.0
        self._root_stamp = NOTHING
        self._awake: set[str] = set()  # folders of runs that are not over, and of what may become a run

    def look(self) -> None:
        """Read what has changed: of the runs that are not over every time, of all runs from time to time."""
        with self._lock:
            began, root_stamp = time.monotonic(), _stamp(str(self.store.root))
            if began >= self._next_look_at_all:
                self._awake |= self._folders()
                self._read(self._awake)
                self._awake = {name for name in self._awake if self._goes_on(name)}
                self._next_look_at_all = began + max(SELDOM, SHARE * (time.monotonic() - began))
            elif root_stamp != self._root_stamp:  # a folder has come or gone
                self._awake |= self._folders() - self.rows.keys()
            self._root_stamp = root_stamp
            self._read(self._awake)
            self.whole = True

    def _folders(self) -> set[str]:
        """The names of all folders; runs without one are forgotten."""
        here = set(folders(self.store.root))
        for name in self.rows.keys() - here:
            self._forget(name)
        return here

    def _goes_on(self, name: str) -> bool:
        """Whether something may soon be written there; a folder without a run may become one."""
        row = self.rows.get(name)
        return row is None or (row.line.ended not in OVER and time.time() - row.line.written_seconds < ASLEEP)

    def _read(self, names: set[str]) -> None:
        for name in tuple(names):
            folder = f"{self.store.root}/{name}"
            stamp = _stamp(f"{folder}/{RECIPE}"), _stamp(f"{folder}/{EVENTS}")
            known = self.rows.get(name)
            if known is None or known.stamp != stamp:
                self._take(name, folder, stamp)

    def _take(self, name: str, folder: str, stamp: tuple[Stamp, Stamp]) -> None:
        line = None if LINK in stamp else run_line(folder, name)
        if stamp[0] == NOTHING and (line is None or line.ended == "incomplete"):
            if name in self.rows:
                self._forget(name)
            return
        recipe = self._recipe(name) if line and line.ended != "damaged" else {}
        reason = "" if line and recipe else self._reason(name)
        if line is None or reason:
            line = RunLine(name, "damaged", max(stamp)[0] / 1e9)
        for field, value in recipe.items():
            self._values.setdefault(field, set()).add(json.dumps(value))
        self.version += 1
        self.rows[name] = Row(line, recipe, reason, stamp, self.version)
        self.gone.pop(name, None)

    def _forget(self, name: str) -> None:
        self.version += 1
        self._awake.discard(name)
        del self.rows[name]
        self.gone[name] = self.version

    def _recipe(self, name: str) -> dict[str, Any]:
        try:
            return json.loads(self.store.get(name, RECIPE) or b"{}")
        except (OSError, ValueError, RecursionError, FairtrialError):
            return {}

    def _reason(self, name: str) -> str:
        """What reading a damaged run says."""
        if not is_name(name):
            return "its folder's name is too long, or has what stands for something else in an address: rename it"
        try:
            if not read_record(self.store, name).events:
                return f"{EVENTS} is missing"
        except FairtrialError as error:
            return str(error).removeprefix(f"{name}/")
        except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
            return f"not what a run is written as ({error})"
        return "not what a run is written as"

    def fields(self) -> list[str]:
        """Fields of the recipes that tell runs apart, in the recipes' order."""
        told = [f for f, values in list(self._values.items()) if f in ALWAYS or len(values) > 1]
        return [field for field in told if field not in TOLD]

    def row(self, name: str) -> Row:
        """A run by name; UnknownName if there is none."""
        if name not in self.rows:
            self.look()  # a run that has just begun
        if name not in self.rows:
            raise UnknownName("run", name, ["those in the list"])
        return self.rows[name]

    def since(self, version: int) -> dict[str, Any]:
        """What has changed after a version, 0: everything; a row has what `told` names, then the recipe's fields."""
        fields = self.fields()
        now = self.version  # before the rows: what comes meanwhile is told again
        changed = [row for row in list(self.rows.values()) if row.version > version]
        return {
            "version": now,
            "whole": self.whole,
            "told": TOLD,
            "fields": fields,
            "rows": [_told(row, fields) for row in changed],
            "gone": [name for name, when in list(self.gone.items()) if when > version] if version else [],
        }


def _told(row: Row, fields: list[str]) -> list[Any]:
    line = row.line
    own = [line.name, line.ended, round(line.written_seconds), line.epochs, line.planned, line.best_epoch, line.valid]
    return [*own, line.test, row.reason, *(row.recipe.get(field) for field in fields)]


def _stamp(path: str) -> Stamp:
    """What changes when a file is written; a link is not followed, it may lead anywhere."""
    try:
        about = os.lstat(path)
    except OSError:
        return NOTHING
    return LINK if stat.S_ISLNK(about.st_mode) else (about.st_mtime_ns, about.st_size)
