"""Runs a script as `python SCRIPT args` would, watches it, and leaves the diagnosis in a file.

`python -m fairtrial.doctor.child OUT STEPS SCRIPT [args ...]`, started by the doctor. Torch is not imported before the
script does so: what the script sets up first (threads, environment) counts as it does without the doctor.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from fairtrial.doctor.lines import FOREIGN, shown
from fairtrial.doctor.observations import Crash, Seen

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

HERE = str(Path(__file__).parent)


class AfterTorch:
    """Finds torch as ever, and has something done once it is imported."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.then = then

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The module's own spec, with a loader that calls back."""
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        load, then = spec.loader.exec_module, self.then

        def exec_module(module: ModuleType) -> None:
            load(module)
            then()

        spec.loader.exec_module = exec_module
        return spec


def run(script: str, arguments: list[str], steps: int | None, out: Path) -> None:
    """Run the script under watch; its own exit status and traceback stay its own."""
    held: list[Watch] = []

    def begin() -> None:
        from fairtrial.doctor.seams import Patches, install
        from fairtrial.doctor.watch import Watch

        watch = Watch(limit=steps)
        held.append(watch)
        watch.at_sample = lambda: save(out, watch.journal, ("the script did not come to its end",), 1)
        install(watch, Patches())

    sys.argv = [script, *arguments]
    sys.path[0] = str(Path(script).resolve().parent)
    sys.meta_path.insert(0, AfterTorch(begin))
    process = os.getpid()
    status, notes, crash = 0, (), None
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        notes = (f"the script ended itself with exit status {status}",) if status else ()
    except KeyboardInterrupt:
        status, notes = 130, ("the script was stopped by Ctrl-C",)
    except Exception as error:
        crash, status = seen_crash(error), 1
        own_traceback(error)
    except BaseException as error:
        if type(error).__name__ != "Enough":
            raise
        notes = (f"stopped after {steps} steps, as asked",)
    if os.getpid() != process:
        os._exit(status)
    finish(held[0] if held else None, crash, notes, status, out)


def finish(watch: Watch | None, crash: Crash | None, notes: tuple[str, ...], status: int, out: Path) -> None:
    """Leave the diagnosis of all that was seen."""
    if watch is None:
        save(out, [crash] if crash else [], (*notes, "the script did not import torch"), status)
        return
    with contextlib.suppress(Exception):
        watch.finish()
    seen = [*watch.journal, crash] if crash else watch.journal
    if not watch.backwards:
        notes = (*notes, "the script never trained: there was no backward pass")
    save(out, seen, notes, status)


def seen_crash(error: Exception) -> Crash:
    """An error that ended the script, at its innermost line of the user's."""
    where = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        path = frame.f_code.co_filename
        if not path.startswith((*FOREIGN, "<frozen")):
            where = f"{shown(path)}:{line}"
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{shown(error.filename)}:{error.lineno}"
    return Crash(step=0, where=where, kind=type(error).__name__, text=str(error) or type(error).__name__)


def own_traceback(error: Exception) -> None:
    """The traceback as python would print it, without our frames."""
    inner: TracebackType | None = error.__traceback__
    while inner and (inner.tb_frame.f_code.co_filename.startswith((HERE, "<frozen")) or _is_runpy(inner)):
        inner = inner.tb_next
    traceback.print_exception(type(error), error, inner)


def _is_runpy(trace: TracebackType) -> bool:
    return trace.tb_frame.f_code.co_filename == runpy.__file__


def save(out: Path, seen: Sequence[Seen], notes: tuple[str, ...], status: int) -> None:
    """Write what is to be said so far."""
    from fairtrial.doctor.journal import Journal
    from fairtrial.doctor.symptoms.crash import explained
    from fairtrial.doctor.symptoms.everything import diagnose

    journal = Journal(seen)
    crashes = journal.of(Crash)
    if crashes and not explained(journal):
        notes = (*notes, f"the script ended with {crashes[0].kind}, which no fault of the catalogue explains")
    told: dict[str, Any] = {"status": status, "crashed": bool(crashes), **asdict(diagnose(seen, notes))}
    part = out.with_suffix(".part")
    part.write_text(json.dumps(told), encoding="utf8")
    part.replace(out)


if __name__ == "__main__":
    run(sys.argv[3], sys.argv[4:], int(sys.argv[2]) or None, Path(sys.argv[1]))
