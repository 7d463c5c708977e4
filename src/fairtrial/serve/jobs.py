"""Commands that the page starts, each in a process of its own: as many at once as there are cores, the rest in turn.

Training is never lost with the server: at its end they are asked to stop, and save what they have.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Literal, TypeAlias

from fairtrial.spec.errors import Busy
from fairtrial.study.execute import APART, cores

State: TypeAlias = Literal["waiting", "working", "stopping", "over", "failed"]
COMMAND = (sys.executable, "-P", "-m", "fairtrial")  # -P: no module of the folder that the server was started in
BUSY: tuple[State, ...] = ("waiting", "working", "stopping")
STOPPED = (130, 143, -15)  # exit codes after the signal that asks to stop; the last before the command hears it
DIVERGED = 5
LONGEST = 1000  # characters of what a failed command said last
REMEMBERED = 200  # jobs that are over


@dataclass
class Job:
    """A command that makes a run or a study of this name."""

    name: str
    words: Sequence[str]
    cores: int
    state: State = "waiting"
    said: str = ""  # why it failed
    process: subprocess.Popen[str] | None = field(default=None, repr=False)


class Jobs:
    """The commands in the order they were asked for; nobody overtakes. Safe for threads."""

    def __init__(self, most: int = 0) -> None:
        self.cores = most or cores()
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()
        self._threads: list[Thread] = []

    def start(self, name: str, words: Sequence[str], needed: int = 1) -> None:
        """Have `fairtrial` with these words make what has this name; Busy if that is under way."""
        with self._lock:
            known = self._jobs.get(name)
            if known and known.state in BUSY:
                raise Busy(f"{name} is being made already, perhaps from another tab: watch it here")
            self._jobs.pop(name, None)
            self._jobs[name] = Job(name, words, min(needed, self.cores))
            for old in [job.name for job in self._jobs.values() if job.state not in BUSY][:-REMEMBERED]:
                del self._jobs[old]
            self._go_on()

    def stop(self, name: str) -> None:
        """Ask it to save and end, or take it out of the queue; Busy if there is nothing to stop."""
        with self._lock:
            job = self._jobs.get(name)
            if job is None or job.state not in BUSY:
                raise Busy(f"{name} is not at work here: it may be over, or was started elsewhere")
            self._stop(job)
            self._go_on()

    def close(self) -> list[str]:
        """Stop them all and wait until they have saved; the names of those that were at work."""
        with self._lock:
            open_ones = [job for job in self._jobs.values() if job.state in BUSY]
            begun = [job.name for job in open_ones if job.process]
            for job in open_ones:
                self._stop(job)
            threads = list(self._threads)
        for thread in threads:
            thread.join()
        return begun

    def look(self) -> list[Job]:
        """All that are known, in their order."""
        with self._lock:
            return [*self._jobs.values()]

    def _stop(self, job: Job) -> None:
        if job.process is None:
            job.state = "over"
        elif job.state == "working":
            job.state = "stopping"
            job.process.terminate()  # where there are no signals it ends at once, and goes on from its last save

    def _go_on(self) -> None:
        """Start those whose turn it is."""
        used = sum(job.cores for job in self._jobs.values() if job.process and job.state in BUSY)
        for job in self._jobs.values():
            if job.state == "waiting":
                used += job.cores
                if used > self.cores:
                    return
                self._begin(job)

    def _begin(self, job: Job) -> None:
        job.state = "working"
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        try:
            # Apart: Ctrl-C of the terminal is the server's, which passes it on once
            job.process = subprocess.Popen(
                [*COMMAND, *job.words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True, errors="replace", **APART,
            )  # fmt: skip
        except OSError as error:
            job.state, job.said = "failed", str(error.strerror)
            return
        self._threads.append(Thread(target=self._wait, args=(job, job.process), daemon=True))
        self._threads[-1].start()

    def _wait(self, job: Job, process: subprocess.Popen[str]) -> None:
        """Take the job's end down."""
        said = process.communicate()[1].strip()
        with self._lock:
            job.process = None
            fine = process.returncode in (0, DIVERGED, *STOPPED)
            job.state = "over" if fine else "failed"
            job.said = (
                "" if fine else said.removeprefix("fairtrial: ")[-LONGEST:] or f"it ended with {process.returncode}"
            )
            self._go_on()
