"""Someone who looks on while runs are made: a bar and a line an epoch on a terminal, plain lines elsewhere."""

from __future__ import annotations

from time import monotonic
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Column

from fairtrial.report import views, wording
from fairtrial.report.text import plain
from fairtrial.spec.events import Event, Fitted, Scored
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.tuning import Tuned
from fairtrial.store import Record

REDRAWS = 4  # a second: enough to look alive, too few to cost a run anything
BAR = 16  # characters


def _words() -> TextColumn:
    """What the task has to say, in as much room as there is."""
    return TextColumn("{task.fields[words]}", markup=False, table_column=Column(no_wrap=True, overflow="crop"))


class _Live:
    """What both kinds of progress share: a console, a bar where it is a terminal, and lines above it."""

    def __init__(self, console: Console | None, *columns: ProgressColumn) -> None:
        self.console = console or Console(stderr=True)
        self._waiting = ""
        self._bar = Bar(
            *columns,
            console=self.console,
            transient=True,
            refresh_per_second=REDRAWS,
            disable=not self.console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def say(self, text: str) -> None:
        """A line above the bar; a log is left to wrap its own lines."""
        self.console.print(plain(wording.clean(text), self.console), soft_wrap=not self.console.is_terminal)

    def wait(self, what: str, done: int, total: int) -> None:
        """Data are read or downloaded, before a run can start: so far `done` of `total`."""
        if what != self._waiting:
            self._waiting = what
            self.say(f"{what} ...")
        self._bar.start()
        self._bar.update(self._bar.task_ids[0], total=total, completed=done, words=what)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Progress(_Live):
    """Looks on at one run after another: loss, accuracy, images a second, time left, and a line for each score."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console, _words(), BarColumn(bar_width=BAR), TimeRemainingColumn(compact=True))
        self._task = self._bar.add_task("", total=None, words="")

    def __enter__(self) -> Progress:
        return self

    def begin(self, name: str, recipe: Recipe, steps: int, done: int) -> None:
        """A run of so many steps starts, so many of them done before."""
        self._bar.reset(self._task, total=steps, completed=done, words="")
        self._bar.start()
        self.say(views.title(recipe))
        self.say(f"run {name}: {wording.counted(recipe.epochs, 'epoch')}; loss and accuracy, * the best epoch so far")

    def see(self, event: Event) -> None:
        """Move the bar, or say a line."""
        match event:
            case Fitted():
                self._bar.update(self._task, completed=event.step, words=views.fitted_words(event))
            case Scored():
                self.say(views.progress_line(event))
            case _:
                pass


class StudyProgress(_Live):
    """Looks on at a study: runs done of all, time left, and where there is no terminal a line for each."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console, TextColumn("{task.completed}/{task.total} runs"), BarColumn(bar_width=BAR), _words())
        self._task = self._bar.add_task("", total=None, words="")
        self._began, self._total, self._reused, self._done = monotonic(), 0, 0, 0

    def __enter__(self) -> StudyProgress:
        return self

    def begin(self, total: int, reused: int) -> None:
        """A study of so many runs starts, so many of them made before."""
        self._began, self._total, self._reused, self._done = monotonic(), total, reused, 0
        self._bar.update(self._task, total=total, completed=reused)
        self._bar.start()
        before = f", {reused} of them made before" if reused else ""
        self.say(f"{wording.counted(total, 'run')}{before}")

    def tuned(self, tuned: Tuned, left: int) -> None:
        """An arm has its values; so many arms have not."""
        self.say(wording.tuned(tuned))
        self._bar.update(self._task, words=f"{wording.counted(left, 'arm')} to tune" if left else "")

    @property
    def watch(self) -> StudyRuns:
        """Who looks on at the single runs."""
        return StudyRuns(self)

    def done(self, arm: str, seed: int, record: Record) -> None:
        """One more run has ended."""
        self._done += 1
        count = self._reused + self._done
        left = (monotonic() - self._began) / self._done * (self._total - count)
        words = f"{wording.duration(left)} left" if count < self._total else ""
        self._bar.update(self._task, completed=count, words=words)
        self.say(f"{count}/{self._total}  {arm}  seed {seed}  {views.short(record)}")

    def decided(self, arm: str, seeds: int, spared: int) -> None:
        """An arm gets no more seeds."""
        self._total -= spared
        self._bar.update(self._task, total=self._total)
        self.say(f"{arm}: decided with {wording.counted(seeds, 'seed')}, {wording.counted(spared, 'run')} spared")


class Told(Protocol):
    """Who is told what a user should know."""

    def wait(self, what: str, done: int, total: int) -> None: ...

    def say(self, text: str) -> None: ...


class StudyRuns:
    """Looks on at the runs of a study, and passes on only what a user should know."""

    def __init__(self, study: Told) -> None:
        self._study = study

    def begin(self, name: str, recipe: Recipe, steps: int, done: int) -> None: ...

    def see(self, event: Event) -> None: ...

    def wait(self, what: str, done: int, total: int) -> None:
        """Data are read before the first run."""
        self._study.wait(what, done, total)

    def say(self, text: str) -> None:
        """A line above the study's bar."""
        self._study.say(text)
