"""Executors turn recipes into finished runs: one after the other, or in worker processes that stay for a whole study.

A worker is a process of its own that reads recipes and answers with names of runs, one JSON line each: nothing is
pickled, a script that calls `ft.compare` needs no `__main__` guard, and all systems work alike.
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
from collections.abc import Callable, Generator, Sequence
from typing import IO, Any, NoReturn, Protocol, TypeAlias

from fairtrial.runner import Watch, run
from fairtrial.spec.errors import FairtrialError, OutOfResources, UsageError
from fairtrial.spec.events import Ended
from fairtrial.spec.recipe import Recipe
from fairtrial.store import Record, Store

Done: TypeAlias = tuple[int, str]  # place in the list of recipes, name of the run
GRACE = 10  # seconds for the step under way and for saving it
KILLED = (-9, 137)  # by SIGKILL, itself or as a shell tells it: what a system short of memory sends
# Ctrl-C in the terminal does not reach a worker: this process ends it, and its run is saved.
APART: dict[str, Any] = (
    {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}
)


class Executor(Protocol):
    """Called with a store and recipes, it yields what is done, in whatever order runs end."""

    def __call__(self, store: Store, recipes: Sequence[Recipe], watch: Watch) -> Generator[Done]: ...


def serial(store: Store, recipes: Sequence[Recipe], watch: Watch) -> Generator[Done]:
    """One run after the other, in this process."""
    for place, recipe in enumerate(recipes):
        record = run(recipe, store, watch=watch)
        if record.end is None:
            stop_too(record)
        yield place, record.name


def stop_too(record: Record) -> NoReturn:
    """The signal that ended the run, once more: now it ends whoever is making the runs."""
    last = record.events[-1]
    if isinstance(last, Ended):
        signal.raise_signal(signal.Signals[last.detail])
    raise KeyboardInterrupt


def processes(jobs: int) -> Executor:
    """`jobs` worker processes, each making one run at a time; one that dies is replaced, and its run goes on."""
    if jobs < 1:
        raise UsageError(f"jobs={jobs}: at least one")

    def execute(store: Store, recipes: Sequence[Recipe], watch: Watch) -> Generator[Done]:
        tasks: queue.SimpleQueue[tuple[int, Recipe]] = queue.SimpleQueue()
        for task in enumerate(recipes):
            tasks.put(task)
        answers: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()
        workers: list[Worker] = []
        try:
            for _ in range(min(jobs, len(recipes))):
                workers.append(Worker(store.path, tasks, answers, watch))
            for _ in recipes:
                answer = answers.get()
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
        finally:
            end(workers)

    return execute


def end(workers: Sequence[Worker]) -> None:
    """End the processes, all at the same time; runs under way are saved first."""
    for worker in workers:
        worker.close()
    patience = time.monotonic() + GRACE
    for worker in workers:
        worker.join(patience)


class Worker:
    """A worker process, and the thread that hands it recipes while there are any."""

    def __init__(
        self, path: str, tasks: queue.SimpleQueue[Any], answers: queue.SimpleQueue[Any], watch: Watch
    ) -> None:  # fmt: skip
        self.path, self.tasks, self.answers, self.watch = path, tasks, answers, watch
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
        command = [sys.executable, "-m", "fairtrial.study.worker", self.path]
        pipe = subprocess.PIPE
        try:
            return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1, **APART)
        except OSError as error:
            reason = f"{error.strerror or error} (errno {error.errno})"
            raise OutOfResources(f"a worker process cannot be started: {reason}; fewer --jobs need less") from error

    def _hand_out(self) -> None:
        try:
            while not self.ended:
                place, recipe = self.tasks.get_nowait()
                self.answers.put((place, self._ask(recipe)))
        except queue.Empty:
            return
        except BaseException as error:  # whoever waits for answers would wait for ever
            self.answers.put(error)

    def _ask(self, recipe: Recipe) -> str:
        """The name of the recipe's run. A worker that dies in it is replaced once: the same death again has a cause."""
        code = 0
        for _ in range(2):
            answer = self._exchange(recipe)
            if answer:
                return _name(answer)
            code = _close(self.process)
            with self.turn:
                if self.ended:
                    break
                self.process = self._start()
            self.watch.say(f"a worker process died ({code}); another one goes on with its run")
        if code in KILLED:
            raise OutOfResources("a worker process died twice in the same run; likely memory: fewer --jobs need less")
        raise FairtrialError(f"a worker process died twice in the same run, the last time with exit code {code}")

    def _exchange(self, recipe: Recipe) -> str:
        """The answer's line; empty if the process ended."""
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with self.turn:
                if self.ended:
                    return ""
                process.stdin.write(recipe.canonical() + "\n")
            return process.stdout.readline()
        except OSError:
            return ""


def _close(process: subprocess.Popen[str]) -> int:
    """The exit code of a process that has ended or is about to."""
    _hang_up(process.stdin)
    _hang_up(process.stdout)
    return process.wait()


def _hang_up(pipe: IO[str] | None) -> None:
    if pipe:
        with contextlib.suppress(OSError):  # what it was still to be told has nobody to hear it
            pipe.close()


def _name(line: str) -> str:
    """The name of a run in a worker's answer; the error, where it is one."""
    match _json(line):
        case {"run": str() as name}:
            return name
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


EXECUTORS: dict[str, Callable[[int], Executor]] = {"processes": processes, "serial": lambda _: serial}
