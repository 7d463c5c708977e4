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
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, Protocol, TypeAlias

from fairtrial.runner import Watch, run
from fairtrial.spec.errors import FairtrialError, OutOfResources, UsageError
from fairtrial.spec.events import Ended
from fairtrial.spec.recipe import Recipe
from fairtrial.store import Record, Store

Done: TypeAlias = tuple[int, str]  # place in the list of recipes, name of the run


class Executor(Protocol):
    """Called with a store and recipes, it yields what is done, in whatever order runs end."""

    def __call__(self, store: Store, recipes: Sequence[Recipe], watch: Watch) -> Iterator[Done]: ...


def serial(store: Store, recipes: Sequence[Recipe], watch: Watch) -> Iterator[Done]:
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

    def execute(store: Store, recipes: Sequence[Recipe], watch: Watch) -> Iterator[Done]:
        tasks: queue.SimpleQueue[tuple[int, Recipe]] = queue.SimpleQueue()
        for task in enumerate(recipes):
            tasks.put(task)
        answers: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()
        workers = [Worker(store.path, tasks, answers, watch) for _ in range(min(jobs, len(recipes)))]
        try:
            for _ in recipes:
                answer = answers.get()
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
        finally:
            for worker in workers:
                worker.end()

    return execute


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

    def end(self) -> None:
        """End the process; a run under way is saved first."""
        with self.turn:
            self.ended = True
            self.process.terminate()
        self.thread.join()
        _close(self.process)

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "fairtrial.study.worker", self.path]
        # In a session of its own, Ctrl-C in the terminal does not reach it: this process ends it, and its run is saved.
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, start_new_session=True
        )

    def _hand_out(self) -> None:
        while not self.ended:
            try:
                place, recipe = self.tasks.get_nowait()
            except queue.Empty:
                return
            try:
                self.answers.put((place, self._ask(recipe)))
            except FairtrialError as error:
                self.answers.put(error)

    def _ask(self, recipe: Recipe) -> str:
        """The name of the recipe's run. A worker that dies in it is replaced once: the same death again has a cause."""
        for _ in range(2):
            answer = self._exchange(recipe)
            if answer:
                return _name(json.loads(answer))
            code = _close(self.process)
            with self.turn:
                if self.ended:
                    break
                self.process = self._start()
            self.watch.say(f"a worker process died ({code}); another one goes on with its run")
        raise OutOfResources("a worker process died twice in the same run; likely memory: fewer --jobs need less")

    def _exchange(self, recipe: Recipe) -> str:
        """The answer's line; empty if the process ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(recipe.canonical() + "\n")
            return self.process.stdout.readline()
        except OSError:
            return ""


def _close(process: subprocess.Popen[str]) -> int:
    """The exit code of a process that has ended or is about to."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):  # what it was still to be told has nobody to hear it
                pipe.close()
    return process.wait()


def _name(answer: dict[str, Any]) -> str:
    if "error" in answer:
        error = FairtrialError(answer["error"])
        error.exit_code = answer["exit_code"]
        raise error
    return answer["run"]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


EXECUTORS: dict[str, Callable[[int], Executor]] = {"processes": processes, "serial": lambda _: serial}
