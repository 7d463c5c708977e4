"""Executors make runs: in this process, or in worker processes that stay for a whole study.

A worker is a process of its own that reads tasks and answers with names of runs, one JSON line each: nothing is
pickled, a script that calls `ft.compare` needs no `__main__` guard, and all systems work alike. Tasks that are alike
are handed out in bundles, for a worker to make together.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import ceil
from typing import IO, Any, NoReturn, Protocol, TypeAlias

from fairtrial.runner import Watch, was_stopped
from fairtrial.spec.errors import FairtrialError, OutOfResources, UnknownName, UsageError
from fairtrial.spec.events import Ended
from fairtrial.spec.recipe import Recipe
from fairtrial.store import Record, Store
from fairtrial.together import alike, run_together

GRACE = 10  # seconds for the step under way and for saving it
MOST = 32  # runs in a bundle: more of them share little more
DEATHS = 3  # in the same run, before it is no accident
KILLED = (-9, 137)  # by SIGKILL, itself or as a shell tells it: what a system short of memory sends
# Ctrl-C in the terminal does not reach a worker: this process ends it, and its run is saved.
APART: dict[str, Any] = (
    {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}
)


@dataclass(frozen=True)
class Task:
    """A recipe to run to its end, or, where `until` is not 0, until that epoch is over."""

    recipe: Recipe
    until: int = 0
    name: str = ""  # what the run's folder is called; empty: after its model
    among: str = field(default="", compare=False)  # only tasks of which this is equal are made together


def line(bundle: Sequence[Task]) -> str:
    """Tasks of one bundle as a worker reads them."""
    recipes = ",".join(task.recipe.canonical() for task in bundle)
    return f'{{"recipes":[{recipes}],"until":{bundle[0].until},"name":{json.dumps(bundle[0].name)}}}'


class Bundles:
    """Tasks that wait, those that may be made together in bundles of one size for each worker."""

    def __init__(self) -> None:
        self.fresh: list[Task] = []
        self.tied: deque[list[Task]] = deque()

    def tie(self, workers: int) -> None:
        """Make bundles of what has come since."""
        groups: dict[object, list[Task]] = {}
        for place, task in enumerate(self.fresh):
            key = alike(task.recipe)
            groups.setdefault((key, task.until, task.name, task.among) if key else place, []).append(task)
        for group in groups.values():
            size = min(MOST, ceil(len(group) / workers))
            self.tied += [group[start : start + size] for start in range(0, len(group), size)]
        self.fresh = []

    def withdraw(self, tasks: Collection[Task]) -> set[Task]:
        """Take back those of the tasks that wait, and return them."""
        gone = {task for bundle in (self.fresh, *self.tied) for task in bundle if task in tasks}
        self.fresh = [task for task in self.fresh if task not in gone]
        left = ([task for task in bundle if task not in gone] for bundle in self.tied)
        self.tied = deque(bundle for bundle in left if bundle)
        return gone


class Pool(Protocol):
    """Where runs are made: tasks go in at any time and come out with the names of their runs, in any order."""

    def submit(self, task: Task) -> None: ...

    def next(self) -> tuple[Task, str]:
        """Wait for a task that is done; raises the error of a run that failed."""
        ...

    def withdraw(self, tasks: Collection[Task]) -> set[Task]:
        """Take back those of the tasks that nobody has begun, and return them."""
        ...


Executor: TypeAlias = Callable[[Store, Watch], AbstractContextManager[Pool]]  # runs under way are saved at its end


class Serial:
    """One run, or bundle of runs, after the other, in this process."""

    def __init__(self, store: Store, watch: Watch) -> None:
        self.store, self.watch = store, watch
        self.bundles = Bundles()
        self.done: deque[tuple[Task, str]] = deque()

    def submit(self, task: Task) -> None:
        self.bundles.fresh.append(task)

    def next(self) -> tuple[Task, str]:
        self.bundles.tie(1)
        if not self.done:
            bundle = self.bundles.tied.popleft()
            recipes, task = [task.recipe for task in bundle], bundle[0]
            records = run_together(recipes, self.store, name=task.name, until=task.until, watch=self.watch)
            for record in filter(was_stopped, records.values()):
                stop_too(record)
            self.done += [(task, records[task.recipe].name) for task in bundle if task.recipe in records]
            self.bundles.tied += [[task] for task in bundle if task.recipe not in records]
        return self.done.popleft()

    def withdraw(self, tasks: Collection[Task]) -> set[Task]:
        return self.bundles.withdraw(tasks)


@contextlib.contextmanager
def serial(store: Store, watch: Watch) -> Generator[Pool]:
    """Runs in this process."""
    yield Serial(store, watch)


def stop_too(record: Record) -> NoReturn:
    """The signal that ended the run, once more: now it ends whoever is making the runs."""
    last = record.events[-1]
    if isinstance(last, Ended):
        signal.raise_signal(signal.Signals[last.detail])
    raise KeyboardInterrupt


class Processes:
    """Worker processes, each making one bundle of runs at a time; one that dies is replaced, and its runs go on."""

    def __init__(self, jobs: int, store: Store, watch: Watch) -> None:
        self.jobs, self.path, self.watch = jobs, store.path, watch
        self.bundles = Bundles()
        self.turn = threading.Condition()  # of whoever looks at what waits
        self.ended = False
        self.answers: queue.SimpleQueue[tuple[list[Task], list[str]] | BaseException] = queue.SimpleQueue()
        self.done: deque[tuple[Task, str]] = deque()
        self.workers: list[Worker] = []
        self.under_way = 0

    def submit(self, task: Task) -> None:
        self.under_way += 1
        most = self.jobs or max(1, cores() // task.recipe.threads)
        if len(self.workers) < min(most, self.under_way):
            self.workers.append(Worker(self))
        self.bundles.fresh.append(task)

    def next(self) -> tuple[Task, str]:
        while not self.done:
            with self.turn:
                self.bundles.tie(len(self.workers))
                self.turn.notify_all()
            answer = self.answers.get()
            if isinstance(answer, BaseException):
                raise answer
            bundle, names = answer
            self.done += [(task, name) for task, name in zip(bundle, names, strict=True) if name]
            with self.turn:
                self.bundles.tied += [[task] for task, name in zip(bundle, names, strict=True) if not name]
                self.turn.notify_all()
        self.under_way -= 1
        return self.done.popleft()

    def take(self) -> list[Task]:
        """Wait for a bundle; empty: there will be no more."""
        with self.turn:
            self.turn.wait_for(lambda: self.bundles.tied or self.ended)
            return [] if self.ended else self.bundles.tied.popleft()

    def withdraw(self, tasks: Collection[Task]) -> set[Task]:
        with self.turn:
            gone = self.bundles.withdraw(tasks)
        self.under_way -= len(gone)
        return gone

    def close(self) -> None:
        """End the processes, all at the same time; runs under way are saved first."""
        with self.turn:
            self.ended = True
            self.turn.notify_all()
        for worker in self.workers:
            worker.close()
        patience = time.monotonic() + GRACE
        for worker in self.workers:
            worker.join(patience)


def processes(jobs: int) -> Executor:
    """Runs in `jobs` worker processes, started as they are needed; 0: as many as the cores take at a run's threads."""
    if jobs < 0:
        raise UsageError(f"jobs={jobs}: at least one, or 0 for each core")
    return lambda store, watch: contextlib.closing(Processes(jobs, store, watch))


class Worker:
    """A worker process, and the thread that hands it tasks."""

    def __init__(self, pool: Processes) -> None:
        self.pool = pool
        self.process = self._start()
        self.ended = False
        self.turn = threading.Lock()  # of whoever replaces or ends the process
        self.thread = threading.Thread(target=self._hand_out, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Tell the process to end: it saves a run under way when its standard input closes."""
        with self.turn:
            self.ended = True
            _hang_up(self.process.stdin)

    def join(self, patience: float) -> None:
        """Wait until the process has ended; one that has not at that time of the clock is made to."""
        try:
            self.process.wait(max(0.0, patience - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.terminate()
        self.thread.join()
        _close(self.process)

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "fairtrial.study.worker", self.pool.path]
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1, **APART)
        except OSError as error:
            reason = f"{error.strerror or error} (errno {error.errno})"
            raise OutOfResources(f"a worker process cannot be started: {reason}; fewer --jobs need less") from error

    def _hand_out(self) -> None:
        try:
            while bundle := self.pool.take():
                self.pool.answers.put((bundle, self._ask(bundle)))
        except BaseException as error:  # whoever waits for answers would wait for ever
            self.pool.answers.put(error)

    def _ask(self, bundle: list[Task]) -> list[str]:
        """The names of the tasks' runs. A process that dies is replaced, but not for ever: it may be a run's doing."""
        code, how = 0, ""
        for _ in range(DEATHS):
            answer = self._exchange(bundle)
            if answer:
                return names_in(answer)
            code = _close(self.process)
            how = f"killed (9), likely memory{_largest()}" if code in KILLED else f"exit code {code}"
            with self.turn:
                if self.ended:
                    break
                self.process = self._start()
            self.pool.watch.say(f"a worker process died: {how}; another one goes on with its run")
        said = f"a worker process died {DEATHS} times in the same run, at last: {how}"
        if code in KILLED:
            raise OutOfResources(f"{said}; fewer --jobs or a smaller batch need less")
        raise FairtrialError(said)

    def _exchange(self, bundle: list[Task]) -> str:
        """The answer's line; empty if the process ended."""
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with self.turn:
                if self.ended:
                    return ""
                process.stdin.write(line(bundle) + "\n")
            return process.stdout.readline()
        except OSError:
            return ""


def _close(process: subprocess.Popen[str]) -> int:
    """The exit code of a process that has ended or is about to."""
    _hang_up(process.stdin)
    _hang_up(process.stdout)
    return process.wait()


def _largest() -> str:
    """The most memory that one of the processes held that have ended so far."""
    if sys.platform == "win32":
        return ""
    import resource  # which Windows lacks

    unit = 1 if sys.platform == "darwin" else 1024
    held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    return f" (the largest so far held {held / 1e9:.2f} GB)"


def _hang_up(pipe: IO[str] | None) -> None:
    if pipe:
        with contextlib.suppress(OSError):  # what it was still to be told has nobody to hear it
            pipe.close()


def names_in(line: str) -> list[str]:
    """The names of runs in a worker's answer, empty for those still to be made; the error, where it is one."""
    match _json(line):
        case {"runs": list() as names}:
            return [str(name) for name in names]
        case {"error": str() as text, "exit_code": int() as code}:
            error = FairtrialError(text)
            error.exit_code = code
            raise error
        case _:
            raise FairtrialError(f"a worker process gave no answer but {line.strip()[:200]!r}")


def _json(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


EXECUTORS = ("processes", "serial", "ray")


def make_executor(name: str, jobs: int, address: str) -> Executor:
    """The executor of that name; UsageError if there is none, or it needs what is not there."""
    if address and name != "ray":
        raise UsageError(f"--address {address} is for --executor ray")
    match name:
        case "processes":
            return processes(jobs)
        case "serial":
            return serial
        case "ray":
            from fairtrial.study.on_ray import ray_executor  # ray is an extra

            return ray_executor(jobs, address)
        case _:
            raise UnknownName("executor", name, EXECUTORS)
