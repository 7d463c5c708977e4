"""Runs a script as `python SCRIPT args`, or `python -m MODULE args`, would, and sends the diagnosis through a pipe.

Started by `examine` in a process of its own. Nothing of ours stands between Python and the script at its end: its exit
status, its traceback, its threads and its atexit functions come out as they would alone, and we speak last. Torch is
not imported before the script does so: what the script sets up first (threads, environment) counts.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
import fcntl
import gc
import json
import os
import runpy
import signal
import sys
import warnings
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING

from fairtrial.doctor.importing import After
from fairtrial.doctor.observations import Crash
from fairtrial.doctor.watching import at_work, diagnosed, finished, seen_crash, trouble

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

OURS = str(Path(__file__).parent) + os.sep
UNTRAINED = (
    "the script never trained: there was no backward pass in its own process; processes that it starts "
    "(torch.multiprocessing, torchrun, subprocess) are not watched"
)
HIGH = 100  # the number of a file, so that a script that closes all of them does not open its own under it
PARENT_DIES = 1  # PR_SET_PDEATHSIG of Linux's prctl(2)


@contextlib.contextmanager
def uncollected() -> Generator[None]:
    """No search for garbage: among all that torch holds it would take longer than what is done here."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()  # what was made counts as old, without being searched
            gc.unfreeze()
        if enabled:
            gc.enable()


@dataclass
class Visit:
    """A script that runs, and what is to be said of it."""

    pipe: int
    steps: int  # after which to stop; 0: never
    watch: Watch | None = None
    crash: Crash | None = None
    troubles: list[str] = field(default_factory=list)  # our own

    def __post_init__(self) -> None:
        self.known = os.fstat(self.pipe)
        self.left = self.steps

    @property
    def connected(self) -> bool:
        """Whether the pipe is still there: a script may close all files, and open others under their numbers."""
        try:
            return os.path.samestat(os.fstat(self.pipe), self.known)
        except OSError:
            return False

    @property
    def stopped(self) -> bool:
        """Whether the script made as many steps as were asked for."""
        return self.steps > 0 >= self.left

    def begin(self) -> None:
        """Look on and count the steps, now that torch is there."""
        try:
            with warnings.catch_warnings(), uncollected():
                warnings.simplefilter("ignore")
                from torch.optim.optimizer import register_optimizer_step_post_hook

                try:
                    self.look()
                finally:  # in this order, so that the watch sees the last step
                    if self.left:
                        register_optimizer_step_post_hook(self.after_step)
        except Exception as error:
            self.troubles.append(trouble("nothing was seen", error))

    def look(self) -> None:
        """Put the watch in torch's seams."""
        from fairtrial.doctor.seams import Patches, install
        from fairtrial.doctor.watch import Watch

        watch = Watch(at_sample=lambda: self.tell(whole=False))
        install(watch, Patches())
        at_work.append(watch)
        self.watch = watch

    def after_step(self, optimizer: object, args: object, kwargs: object) -> None:
        """End the script after as many steps as were asked for, as if it had ended itself there."""
        if self.watch and self.watch.quiet:
            return  # a step of the doctor's own
        self.left -= 1
        if self.left == 0:
            raise SystemExit
        if self.left < 0:  # it caught that, and goes on
            self.tell(whole=True)
            sys.stdout.flush()
            os._exit(0)

    def tell(self, whole: bool) -> None:
        """Send the diagnosis of all that was seen, at the script's end or as far as it came."""
        notes = tuple(self.troubles)
        if self.watch is None and "torch" not in sys.modules:
            notes += () if self.crash else ("the script did not import torch",)  # it may have been about to
        elif self.watch is None and not notes:
            notes += ("torch came in past the doctor: the script has import hooks (sys.meta_path) of its own",)
        elif self.watch and whole:
            notes += finished(self.watch)
            if not self.watch.backwards:
                notes += (UNTRAINED,)
        if self.stopped:
            notes += (f"stopped after {self.steps} steps, as asked",)
        seen = [*(self.watch.journal if self.watch else ()), *([self.crash] if self.crash else ())]
        ended = {"whole": whole, "stopped": self.stopped, "crashed": self.crash is not None}
        if self.connected:
            with contextlib.suppress(BrokenPipeError), open(self.pipe, "wb", closefd=False) as pipe:
                pipe.write(f"\n{json.dumps(asdict(diagnosed(seen, notes)) | ended)}\n".encode())

    def end(self) -> None:
        """The script is over, with all its threads and atexit functions."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.tell(whole=True)

    def leave(self) -> None:
        """This process is a fork of the script, which is no concern of ours."""
        atexit.unregister(self.end)
        if self.connected:
            os.close(self.pipe)


def main(early: frozenset[str]) -> None:
    """Run the script named in the words of the command, PIPE HEARD STEPS SCRIPT [args ...], as the module __main__.

    `early` are the modules that Python itself imports before any script; into HEARD goes each signal that comes to us.
    SCRIPT may be two words: -m MODULE.
    """
    pipe, heard, steps, *words = sys.argv[1:]
    visit = Visit(int(pipe), int(steps))
    os.set_inheritable(visit.pipe, False)
    signal.set_wakeup_fd(fcntl.fcntl(int(heard), fcntl.F_DUPFD_CLOEXEC, HIGH), warn_on_full_buffer=False)
    os.close(int(heard))
    if sys.platform == "linux":  # elsewhere a script outlives a doctor that is killed
        ctypes.CDLL(None).prctl(PARENT_DIES, signal.SIGTERM)
    os.register_at_fork(after_in_child=visit.leave)
    atexit.register(visit.end)  # first in, last out
    sys.meta_path.insert(0, After("torch", visit.begin))
    module = words.pop(1) if words[0] == "-m" else None
    sys.argv = words
    path = str(Path.cwd() / words[0])
    if not sys.flags.safe_path:
        sys.path.insert(0, str(Path.cwd() if module else Path(path).resolve().parent))
        for name in {*sys.modules} - early - {"fairtrial"}:
            if Path(sys.path[0], f"{name}.py").is_file():  # it hides a library's, and we must not bring that in
                del sys.modules[name]
    script = sys.modules["__main__"] = ModuleType("__main__")
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if module:
            vars(runpy)["_run_module_as_main"](module)  # what Python itself calls for -m
        else:
            vars(script).update(
                __loader__=SourceFileLoader("__main__", path),
                __annotations__={},
                __builtins__=builtins,
                __file__=path,
                __cached__=None,
            )
            exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), vars(script))
    except SystemExit:
        raise
    except BaseException as error:
        _show_without_us(error)
        if not isinstance(error, KeyboardInterrupt) and not visit.stopped:
            visit.crash = seen_crash(error)
        raise


def _show_without_us(error: BaseException) -> None:
    """Have Python, or the script's own hook, show an error as if we had not been there."""
    chain: BaseException | None = error
    met: list[BaseException] = []
    while chain is not None and chain not in met:
        met.append(chain)
        chain.__traceback__ = _without_us(chain.__traceback__)
        chain = chain.__cause__ or chain.__context__
    clean, show = error.__traceback__, vars(sys).get("excepthook", sys.__excepthook__)
    sys.excepthook = lambda kind, error, _: show(kind, error.with_traceback(clean), clean)


def _without_us(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without our frames."""
    met: list[TracebackType] = []
    while trace is not None:
        met.append(trace)
        trace = trace.tb_next
    for one in reversed(met):
        if not one.tb_frame.f_code.co_filename.startswith(OURS):
            one.tb_next, trace = trace, one
    return trace
