"""The store keeps runs: a folder on disk, or its twin in memory. All writing of runs goes through these few verbs."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import socket
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from fairtrial.disk import Disk, put
from fairtrial.inventory import never_began, places, run_lines
from fairtrial.spec.arrays import Tensors
from fairtrial.spec.errors import Busy, DamagedFile, DataError, DiskFailed, OutOfResources, UnknownName, UsageError
from fairtrial.spec.events import Ended, Event, Fitted, Saved, Scored, from_json, to_json
from fairtrial.spec.files import BEST, EVENTS, LOCK, MADE, ORDER, OWNER, PLAN, RECIPE, STUDIES
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.spec.tensorfile import unpack
from fairtrial.spec.version import check_schema, is_newer, newer, written_by


@dataclass(frozen=True)
class Record:
    """What a run was and what came of it: the recipe, how it was made, and its events so far."""

    name: str
    recipe: Recipe
    made: dict[str, Any]
    events: tuple[Event, ...]
    store: Store
    damaged_lines: tuple[int, ...] = ()  # of the events, from 1, that `read_rest` left out

    @property
    def end(self) -> Ended | None:
        """The last event of a run that is over; None while it can go on."""
        last = self.events[-1] if self.events else None
        return last if isinstance(last, Ended) and last.reason != "interrupted" else None

    @property
    def epochs(self) -> tuple[Scored, ...]:
        """The scores at the end of each epoch."""
        return tuple(e for e in self.events if isinstance(e, Scored) and e.at_end)

    @property
    def best(self) -> Scored | None:
        """The end of the epoch whose weights are kept; None before the first."""
        return next((epoch for epoch in reversed(self.epochs) if epoch.best), None)

    @property
    def scores(self) -> dict[str, float]:
        """The scores of the best epoch's weights, on every part they were scored on."""
        both = [self.best, *(event for event in self.events[-1:] if isinstance(event, Ended))]
        return {key: value for event in both if event for key, value in event.scores.items()}

    def curve(self, key: str) -> tuple[list[int], list[float]]:
        """Steps and values of a score such as `valid/accuracy`; UnknownName if the run has no such score."""
        points = [(e.step, e.scores[key]) for e in self.events if isinstance(e, Scored | Fitted) and key in e.scores]
        if not points:
            scored = {k for e in self.events if isinstance(e, Scored | Fitted | Ended) for k in e.scores}
            raise UnknownName("score", key, scored)
        by_step = dict(points)  # a Fitted and a Scored of one step say the same
        return list(by_step), list(by_step.values())

    def weights(self) -> Tensors:
        """The best weights, with what was fitted to the input under `input/`; DamagedFile if they were changed."""
        data = self.store.get(self.name, BEST)
        if data is None:
            raise DataError(
                f"run {self.name} has no weights yet: it has not completed an epoch; its command goes on with it"
            )
        return unpack(data, f"{self.name}/{BEST}")[0]

    def model(self, module: Callable[[], Any] | None = None) -> Any:
        """The net with its best weights as a plain `torch.nn.Module` in eval mode; a run of your own needs it again.

        Its input is no raw pixels: it is what the net saw in training, the recipe's `input` applied to pixels of 0 to
        255, float32 (n, channels, height, width), or (n, k) after `pca`. `prepare` makes it from images. Its outputs
        are those that the loss takes: logits for cross-entropy.
        """
        from fairtrial.predict import module_of  # needs torch

        return module_of(self, module)

    def prepare(self, images: Any) -> Any:
        """What `model()` takes, float32 (n, c, h, w) or (n, k), of images (n, height, width, channels) uint8.

        Float64 for a run in float64. DataError for images of another shape than the run was trained on.
        """
        from fairtrial.predict import prepared  # needs an engine

        return prepared(self, images)

    def predict(self, images: Any) -> Any:
        """Class probabilities (n, classes) of images (n, height, width, channels) uint8."""
        from fairtrial.predict import probabilities  # needs an engine

        return probabilities(self, images)

    def outputs(self, images: Any) -> Any:
        """What the net itself says (n, outputs) of images (n, height, width, channels) uint8: logits, or a number."""
        from fairtrial.predict import outputs  # needs an engine

        return outputs(self, images)

    def _repr_html_(self) -> str:
        from fairtrial.report.page import record_html  # needs altair

        return record_html(self)


class Store(Protocol):
    """Where runs are kept, each under a name with its files."""

    @property
    def path(self) -> str: ...

    def list(self) -> list[str]:
        """The names of all runs that were begun, oldest first."""
        ...

    def studies(self) -> list[str]:
        """The folders of studies, sorted; their files are got and put like those of a run."""
        ...

    def find(self, run_id: str) -> str:
        """The name of the run with this id, whatever it was called; empty if there is none."""
        ...

    def read(self, name: str) -> Record: ...

    def append(self, name: str, event: Event) -> None:
        """Add an event; what Saved and Ended promise is on the disk when this returns.

        After an error the file may end in half a line; `put` makes it whole.
        """
        ...

    def put(self, name: str, file: str, data: bytes) -> None:
        """Write a file whole or not at all."""
        ...

    def get(self, name: str, file: str) -> bytes | None: ...

    def drop(self, name: str, file: str) -> None: ...

    def files(self, name: str) -> list[str]:
        """The files of a run, sorted."""
        ...

    def room(self, name: str) -> tuple[int, int]:
        """Bytes that events, states and weights of a run that is held take up, and bytes that are free."""
        ...

    def hold(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Work on a run alone; Busy, naming the process, if another one does."""
        ...


def read_record(store: Store, name: str) -> Record:
    """The record in a run's files. A torn last line of events is left out; one damaged in the middle is DamagedFile."""
    return Record(name, *recipe_and_made(store, name), tuple(events_of(store, name)), store)


def read_rest(store: Store, name: str) -> Record:
    """The record without those lines that are damaged, whose numbers it tells: to be looked at, not to be judged by."""
    lines = [*_lines(store, name)]
    damaged = tuple(number for number, event in lines if isinstance(event, DamagedFile))
    events = tuple(event for _, event in lines if not isinstance(event, DamagedFile))
    return Record(name, *recipe_and_made(store, name), events, store, damaged)


def recipe_and_made(store: Store, name: str) -> tuple[Recipe, dict[str, Any]]:
    """What a run was begun with; NewerVersion where a later fairtrial wrote what this one cannot read."""
    fields, made = (json_of(store, name, file) for file in (RECIPE, MADE))
    version = written_by(made)
    check_schema(made, version, name)
    try:
        return make_recipe(fields), made
    except UsageError as error:
        if is_newer(version):
            raise newer(version, f"{name}/{RECIPE}") from error
        raise DamagedFile(f"{name}/{RECIPE}: {str(error).partition('; there are:')[0]}") from error


def json_of(store: Store, name: str, file: str) -> dict[str, Any]:
    """A JSON file of a run; DamagedFile if it is none."""
    data = store.get(name, file)
    if data is None:
        raise DamagedFile(f"{name}/{file} is missing")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{name}/{file}: {error}") from error
    if not isinstance(value, dict):
        raise DamagedFile(f"{name}/{file}: not a JSON object")
    return value


def events_of(store: Store, name: str) -> Iterator[Event]:
    """The events of a run up to a torn last line."""
    for _, event in _lines(store, name):
        if isinstance(event, DamagedFile):
            raise event
        yield event


def _lines(store: Store, name: str) -> Iterator[tuple[int, Event | DamagedFile]]:
    """The lines of a run's events with their numbers, up to a torn last one."""
    *lines, torn = (store.get(name, EVENTS) or b"").split(b"\n")
    del torn  # what follows the last line break was not written whole
    for number, line in enumerate(lines, 1):
        try:
            yield number, from_json(line.decode())
        except (DamagedFile, UnicodeDecodeError) as error:
            yield number, DamagedFile(f"{name}/{EVENTS}:{number}: {error}")


def whole_events(store: Store, name: str) -> tuple[Event, ...]:
    """The events up to the first damaged line, wherever it is."""
    events: list[Event] = []
    with contextlib.suppress(DamagedFile):
        events.extend(events_of(store, name))
    return tuple(events)


def as_lines(events: Iterable[Event]) -> bytes:
    """The file of these events."""
    return "".join(to_json(event) + "\n" for event in events).encode()


GOES_ON = "the same command goes on from the last save"


@contextlib.contextmanager
def disk_errors(path: Path, size: int = 0) -> Generator[None]:
    """OSErrors as OutOfResources with the path, the system's words and what helps; a name too long as UsageError.

    `size` bytes were to be written. What may pass is a DiskFailed.
    """
    try:
        yield
    except OSError as error:
        said = f"{error.filename or path}: {error.strerror or error}"
        match error.errno:
            case errno.ENAMETOOLONG:
                raise UsageError(f"{said}; a name has at most 255 bytes") from error
            case errno.ENOSPC | errno.EDQUOT:
                raise DiskFailed(f"{said}, {in_bytes(size, free(path))}; make room: {GOES_ON}") from error
            case errno.EIO:
                raise DiskFailed(f"{said}; see to the disk: {GOES_ON}") from error
            case errno.EROFS:
                raise DiskFailed(f"{said}; give a folder that can be written") from error
            case errno.EFBIG:
                raise OutOfResources(f"{said}; allow larger files with `ulimit -f`: {GOES_ON}") from error
            case errno.EMFILE | errno.ENFILE:
                most = f", {os.sysconf('SC_OPEN_MAX')} at most" if os.name == "posix" else ""
                raise OutOfResources(f"{said}{most}; allow more with `ulimit -n`: {GOES_ON}") from error
            case _:
                raise OutOfResources(f"{said}; give a folder that can be written") from error


def in_bytes(needed: int, there: int) -> str:
    """How much room there should be, and how much there is."""
    return f"{needed:,} bytes needed and {there:,} free"


def free(path: Path) -> int:
    """Bytes that are free where the path is, or will be."""
    return shutil.disk_usage(next(folder for folder in path.absolute().parents if folder.is_dir())).free


class FolderStore:
    """Runs as folders `<name>-<id>/`; nothing in them is absolute, so that they can be moved."""

    def __init__(self, path: Path | str = "runs", disk: Disk | None = None) -> None:
        self.root = Path(path)
        self.disk = disk or Disk()
        self.suspect = False  # an I/O error came: what is written since is read back before it takes its name

    @property
    def path(self) -> str:
        return str(self.root)

    def list(self) -> list[str]:
        with disk_errors(self.root):
            times = {name: _written(self.root / name / RECIPE) for name in self._names()}
            begun = {name: time for name, time in times.items() if time is not None}
            place = places(self.root)
            return sorted(begun, key=lambda name: (place.get(name, -1), begun[name]))

    def _names(self) -> tuple[str, ...]:
        """Of all that lies in the store."""
        return tuple(entry.name for entry in os.scandir(self.root)) if self.root.is_dir() else ()

    def studies(self) -> list[str]:
        folder = self.root / STUDIES
        with disk_errors(folder):
            return sorted(f"{STUDIES}/{entry.name}" for entry in os.scandir(folder)) if folder.is_dir() else []

    def find(self, run_id: str) -> str:
        with disk_errors(self.root):
            ours = (name for name in self._names() if name.endswith(f"-{run_id}"))
            return next((name for name in ours if (self.root / name / RECIPE).is_file()), "")

    def read(self, name: str) -> Record:
        if not (self.root / name / RECIPE).is_file():
            raise UnknownName("run", name, self.list(), f"{self.root}: ")
        return read_record(self, name)

    def append(self, name: str, event: Event) -> None:
        path, line = self.root / name / EVENTS, as_lines((event,))
        with disk_errors(path, len(line)), self._suspecting():
            self.disk.append(path, line, isinstance(event, Saved | Ended))

    def put(self, name: str, file: str, data: bytes) -> None:
        path = self.root / name / file
        with disk_errors(path, len(data)), self._suspecting():
            if file in (RECIPE, PLAN):  # it takes its place among the others; behind what a crash may have torn
                self.disk.make_folder(self.root)
                self.disk.append(self.root / ORDER, b"\n" + os.fsencode(name), durable=False)
            put(path, data, self.disk, verify=self.suspect)

    @contextlib.contextmanager
    def _suspecting(self) -> Generator[None]:
        try:
            yield
        except OSError as error:
            self.suspect |= error.errno == errno.EIO
            raise

    def get(self, name: str, file: str) -> bytes | None:
        path = self.root / name / file
        with disk_errors(path):
            if path.is_symlink():  # of a run that somebody else made, it may lead anywhere
                raise DamagedFile(f"{name}/{file} is a link, and links are not followed")
            return path.read_bytes() if path.is_file() else None

    def drop(self, name: str, file: str) -> None:
        path = self.root / name / file
        with disk_errors(path):
            self.disk.remove(path)

    def files(self, name: str) -> list[str]:
        folder = self.root / name
        if not folder.is_dir():
            return []
        return sorted(e.name for e in os.scandir(folder) if e.name not in (LOCK, OWNER) and e.name[0] != ".")

    def clean(self) -> list[str]:
        """Remove the folders of runs that never began, unless one is being begun just now; returns their names."""
        removed: list[str] = []
        for name in (line.name for line in run_lines(self.root) if line.ended in ("incomplete", "unfinished")):
            folder = self.root / name
            if not never_began(folder):
                continue
            with contextlib.suppress(Busy), self._lock(name), disk_errors(folder):
                if never_began(folder):  # still
                    shutil.rmtree(folder)
                    removed.append(name)
        return removed

    def room(self, name: str) -> tuple[int, int]:
        folder = self.root / name
        with disk_errors(folder):
            ours = (entry for entry in os.scandir(folder) if entry.name.endswith((".safetensors", EVENTS)))
            return sum(entry.stat().st_size for entry in ours), free(folder / EVENTS)

    @contextlib.contextmanager
    def hold(self, name: str) -> Generator[None]:
        folder = self.root / name
        owner = folder / OWNER
        with self._lock(name):
            try:
                who = f"process {os.getpid()} on {socket.gethostname()}"
                with disk_errors(owner, len(who)):
                    owner.unlink(missing_ok=True)  # of one that was killed; a link there would lead the text elsewhere
                    owner.write_text(who, "utf8")
                    for leftover in folder.glob(".writing-*"):  # of a process that was killed while it wrote
                        self.disk.remove(leftover)
                yield
            except Exception:
                with contextlib.suppress(OSError):
                    if never_began(folder):
                        shutil.rmtree(folder)
                raise
            finally:
                with contextlib.suppress(OSError):  # a disk that takes no more is reported by what wrote to it
                    owner.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _lock(self, name: str) -> Generator[None]:
        """Hold a run without a word of who does, for which the disk may have no room."""
        folder = self.root / name
        with disk_errors(folder):
            self.disk.make_folder(folder)
            lock, owner = FileLock(folder / LOCK, timeout=0), folder / OWNER
            try:
                lock.acquire()
            except Timeout:
                who = owner.read_text("utf8") if owner.is_file() else "another process"
                raise Busy(f"run {name} is being worked on by {who}; wait until that is done, or stop it") from None
        try:
            yield
        finally:
            lock.release()


def _written(path: Path) -> int | None:
    """When a file was written, in nanoseconds; None if there is none."""
    try:
        return path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None


class MemoryStore:
    """The same verbs on a dictionary: for notebooks, tests and throw-away runs."""

    path = "memory"

    def __init__(self) -> None:
        self._files: dict[str, dict[str, bytes]] = {}
        self._held: set[str] = set()

    def list(self) -> list[str]:
        return [name for name, files in self._files.items() if RECIPE in files]

    def studies(self) -> list[str]:
        return sorted(name for name in self._files if name.startswith(f"{STUDIES}/"))

    def find(self, run_id: str) -> str:
        return next((name for name in self.list() if name.endswith(f"-{run_id}")), "")

    def read(self, name: str) -> Record:
        if name not in self.list():
            raise UnknownName("run", name, self.list())
        return read_record(self, name)

    def append(self, name: str, event: Event) -> None:
        files = self._files.setdefault(name, {})
        files[EVENTS] = files.get(EVENTS, b"") + to_json(event).encode() + b"\n"

    def put(self, name: str, file: str, data: bytes) -> None:
        files = self._files.pop(name, {}) if file == RECIPE else self._files.get(name, {})
        self._files[name] = {**files, file: data}  # a run takes its place in the list when it is begun

    def get(self, name: str, file: str) -> bytes | None:
        return self._files.get(name, {}).get(file)

    def drop(self, name: str, file: str) -> None:
        self._files.get(name, {}).pop(file, None)

    def files(self, name: str) -> list[str]:
        return sorted(self._files.get(name, {}))

    def room(self, name: str) -> tuple[int, int]:
        return 0, sys.maxsize

    @contextlib.contextmanager
    def hold(self, name: str) -> Generator[None]:
        if name in self._held:
            raise Busy(f"run {name} is being worked on in this process")
        self._held.add(name)
        try:
            yield
        finally:
            self._held.remove(name)


_STATE = re.compile(r"state-(\d+)\.safetensors")


def generations(store: Store, name: str) -> list[str]:
    """The state files of a run, newest first."""
    found = [(int(m[1]), file) for file in store.files(name) if (m := _STATE.fullmatch(file))]
    return [file for _, file in sorted(found, reverse=True)]
