"""Runs the bank's programs bare and under watch, and prints what the doctor makes of them.

    python bank/run.py [WORD ...] [--repeat N] [--misses]

Detection: the fault of a faulty program is found, as a warning or worse. Cause: it is the first finding. Place: one of
the lines marked `# <- fault`. False alarms: a `fail` or `warn` on a healthy program. Same bits: all tensors, models and
random streams are equal with and without watch. Cost: median over programs of the time with watch over the time bare.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import os
import random
import runpy
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from scipy.stats import binomtest

from fairtrial.doctor.child import seen_crash
from fairtrial.doctor.findings import Diagnosis
from fairtrial.doctor.seams import watching
from fairtrial.doctor.symptoms.everything import diagnose
from fairtrial.doctor.watch import Watch

BANK = Path(__file__).parent
MARK = "# <- fault"
HINTS = frozenset(("log-softmax-before-cross-entropy", "mse-for-classification"))  # told as info, as they may be meant


@dataclass(frozen=True)
class Outcome:
    """What came of a program."""

    program: Path
    diagnosis: Diagnosis
    same: bool  # bits, with and without watch
    bare: float  # seconds
    watched: float
    error: str  # that ended it

    @property
    def fault(self) -> str | None:
        """The fault that was put in; None for a healthy program."""
        return self.program.parent.name if self.program.stem.endswith("_faulty") else None

    @property
    def told(self) -> list[str]:
        """Faults that are named, in order; hints count only where nothing more can be said."""
        return [f.fault for f in self.diagnosis.findings if f.level != "info" or f.fault in HINTS]

    @property
    def alarms(self) -> list[str]:
        """What is named in a healthy program, and the error that ended it."""
        named = [f"{f.level} {f.fault}" for f in self.diagnosis.findings if f.level != "info"]
        return [] if self.fault else [*named, *([self.error] if self.error else [])]

    @property
    def detected(self) -> bool:
        """The fault is among those named."""
        return self.fault in self.told

    @property
    def first(self) -> bool:
        """The fault is the first one named."""
        return self.told[:1] == [self.fault]

    @property
    def placed(self) -> bool:
        """The finding's line is a marked one."""
        marked = {number for number, line in enumerate(self.program.read_text("utf8").splitlines(), 1) if MARK in line}
        return any(
            found.fault == self.fault and found.where and int(found.where.rpartition(":")[2]) in marked
            for found in self.diagnosis.findings
        )


def programs(words: list[str] | None = None) -> list[Path]:
    """All programs of the bank whose path holds one of the words."""
    found = sorted(path for path in BANK.glob("*/*.py"))
    return [path for path in found if not words or any(word in str(path.relative_to(BANK)) for word in words)]


def seed() -> None:
    """Every stream at its start, for programs that set none."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing of the program's own output, and its imports and words as for `python PROGRAM`."""
    path, argv = list(sys.path), list(sys.argv)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.path[:], sys.argv[:] = path, argv


def execute(program: Path) -> tuple[dict[str, Any], Exception | None, float]:
    """The program's names at its end, the error that ended it, and its seconds."""
    seed()
    begun, names, error = time.perf_counter(), {}, None
    with quiet():
        sys.path.insert(0, str(program.parent))
        sys.argv[:] = [str(program)]
        try:
            names = runpy.run_path(str(program), run_name="__main__")
        except Exception as raised:
            error = raised
    return names, error, time.perf_counter() - begun


def bits(names: dict[str, Any]) -> str:
    """A digest of all models and tensors, and of where the random streams are."""
    digest = hashlib.sha256()
    for name in sorted(names):
        value = names[name]
        tensors = value.state_dict().values() if isinstance(value, torch.nn.Module) else [value]
        for tensor in tensors:
            if isinstance(tensor, torch.Tensor):
                digest.update(name.encode() + tensor.detach().cpu().float().numpy().tobytes())
    digest.update(torch.get_rng_state().numpy().tobytes())
    digest.update(repr((random.getstate(), np.random.get_state())).encode())
    return digest.hexdigest()


def examine(program: Path, repeat: int = 1) -> Outcome:
    """The program bare and under watch, in turns."""
    bare, watched, same, watch, error = [], [], True, Watch(), None
    for _ in range(repeat):
        names, _, seconds = execute(program)
        bare.append(seconds)
        plain = bits(names)
        watch = Watch()
        with watching(watch):
            names, error, seconds = execute(program)
            begun = time.perf_counter()
            watch.finish()
        watched.append(seconds + time.perf_counter() - begun)
        same = same and bits(names) == plain
    if isinstance(error, SyntaxError):
        raise error  # of the bank itself
    seen = [*watch.journal, seen_crash(error)] if error else watch.journal
    return Outcome(program, diagnose(seen), same, min(bare), min(watched), repr(error) if error else "")


def share(label: str, right: int, of: int) -> str:
    """A share with its 95 % interval (Wilson), over programs."""
    if not of:
        return f"{label}: none"
    interval = binomtest(right, of).proportion_ci(method="wilson")
    return f"{label}: {right}/{of} = {right / of:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def main() -> None:
    """Run, and print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("words", nargs="*")
    words.add_argument("--repeat", type=int, default=1)
    asked = words.parse_args()
    os.chdir(BANK.parent)
    torch.set_num_threads(1)
    outcomes: list[Outcome] = []
    for program in programs(asked.words):
        one = examine(program, asked.repeat)
        outcomes.append(one)
        for wrong, text in (
            (bool(one.fault) and not one.detected, f"missed, told {one.told}"),
            (one.detected and not one.first, f"not first, told {one.told}"),
            (one.detected and not one.placed, f"elsewhere: {[f.where for f in one.diagnosis.findings]}"),
            (bool(one.alarms), f"false alarm: {one.alarms}"),
            (not one.same, "other bits under watch"),
        ):
            if wrong:
                print(f"{program.relative_to(BANK)}: {text}", flush=True)
    faulty, healthy = [o for o in outcomes if o.fault], [o for o in outcomes if not o.fault]
    print(f"{len(faulty)} faulty programs over {len({o.fault for o in faulty})} faults, {len(healthy)} healthy ones")
    print(share("detected", sum(o.detected for o in faulty), len(faulty)))
    print(share("cause at rank 1", sum(o.first for o in faulty), len(faulty)))
    print(share("place", sum(o.placed for o in faulty), len(faulty)))
    print(share("healthy programs with an alarm", sum(bool(o.alarms) for o in healthy), len(healthy)))
    print(share("same bits", sum(o.same for o in outcomes), len(outcomes)))
    costs = sorted(o.watched / o.bare - 1 for o in outcomes)
    print(f"cost: median {median(costs):+.1%}, worst {costs[-1]:+.1%} of the program's time")


if __name__ == "__main__":
    main()
