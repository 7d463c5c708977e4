"""`with ft.watch() as seen:` around any training loop; then `seen.findings`."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fairtrial.doctor.findings import Diagnosis, Finding
from fairtrial.doctor.journal import Journal
from fairtrial.doctor.lines import foreign, shown
from fairtrial.doctor.observations import Crash
from fairtrial.doctor.observations import Seen as Observation
from fairtrial.doctor.symptoms.crash import explained
from fairtrial.doctor.symptoms.everything import diagnose

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch


class Seen:
    """What a watch has found, once its block is left; as text, what `fairtrial doctor` prints."""

    def __init__(self) -> None:
        self.diagnosis = diagnose(())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The faults, those to mend first in front."""
        return self.diagnosis.findings

    @property
    def checked(self) -> tuple[str, ...]:
        """The faults that would have been seen."""
        return self.diagnosis.checked

    @property
    def notes(self) -> tuple[str, ...]:
        """What else is to be known of the watching."""
        return self.diagnosis.notes

    @property
    def not_observable(self) -> tuple[str, ...]:
        """The faults that nothing in this training could have shown."""
        return self.diagnosis.not_observable

    def __repr__(self) -> str:
        return repr(self.diagnosis)


at_work: list[Watch] = []  # one for each thread: two would see each other try things
MAPPED = "what is computed inside torch.vmap was not looked at: its numbers cannot be read there"
INSIDE = "this watch is inside another one, and tells what that one has seen so far; it tells more when it ends"

PACKAGE = "a module of a package is examined from the folder of that package: fairtrial doctor -m PACKAGE.MODULE"


@contextmanager
def watch() -> Generator[Seen]:
    """Watch the training inside the block, without changing anything in it; an error in it passes, and is told too."""
    from fairtrial.doctor.watch import Watch  # needs torch

    seen, crash = Seen(), list[Observation]()
    outer = next((one for one in at_work if one.looking), None)
    watched = outer or Watch()
    try:
        with contextlib.nullcontext() if outer else _looking_on(watched):
            yield seen
    except Exception as error:
        crash.append(seen_crash(error))
        raise
    finally:
        notes = (INSIDE,) if outer else finished(watched)
        seen.diagnosis = diagnosed([*watched.journal, *crash], notes)


@contextmanager
def _looking_on(watched: Watch) -> Generator[None]:
    """Have the watch in torch's seams, where others find it."""
    from fairtrial.doctor.seams import watching

    at_work.append(watched)
    try:
        with watching(watched):
            yield
    finally:
        at_work[:] = [one for one in at_work if one is not watched]


def seen_crash(error: BaseException) -> Crash:
    """An error that ended the training, at its innermost line of the user's."""
    where = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if not foreign(frame.f_code.co_filename):
            where = f"{shown(frame.f_code.co_filename)}:{line}"
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{shown(error.filename)}:{error.lineno}"
    text = ""
    with contextlib.suppress(Exception):  # whatever an error of the user's own makes of itself
        text = str(error)
    return Crash(step=0, where=where, kind=type(error).__name__, text=text or type(error).__name__)


def finished(watched: Watch) -> tuple[str, ...]:
    """Look at what there is only in the end; notes on what could not be looked at."""
    notes: list[str] = []
    try:
        watched.finish()
    except Exception as error:
        notes.append(trouble("not all was seen", error))
    if watched.mapped:
        notes.append(MAPPED)
    if watched.errors:
        notes.append(trouble(f"{len(watched.errors)} things could not be looked at, the first", watched.errors[0]))
    return tuple(notes)


def diagnosed(seen: Sequence[Observation], notes: tuple[str, ...]) -> Diagnosis:
    """The diagnosis of what was seen; a rule that fails is no error of the training."""
    try:
        for crash in Journal(seen).of(Crash):
            if not explained(Journal(seen)):
                notes = (*notes, f"it ended with {crash.kind}, which no fault of the catalogue explains")
            if "no known parent package" in crash.text:
                notes = (*notes, PACKAGE)
        return diagnose(seen, notes)
    except Exception as error:
        return diagnose((), (*notes, trouble("there is no diagnosis", error)))


def trouble(what: str, error: Exception) -> str:
    """Words for what went wrong with the doctor and not with the training."""
    return f"{what}: the doctor failed with {type(error).__name__} ({error})"
