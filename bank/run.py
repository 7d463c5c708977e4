"""Runs the bank's programs bare and under watch, and prints what the doctor makes of them.

    python bank/run.py [WORD ...] [--folder FOLDER] [--repeat N] [--steps N]

Detection: the fault of a faulty program is found, as a warning or worse. Cause: it is the first finding. Place: one of
the lines marked `# <- fault`. False alarms: a `fail` or `warn` on a healthy program. Same bits: all tensors, models and
random streams are equal with and without watch. Cost: median over programs of the time with watch over the time bare.
Programs in `several/` have two or three faults, each marked `# <- fault: NAME`: each counts for detection and place,
and the first finding has to be one of them.
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
from collections.abc import Generator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from scipy.stats import binomtest

from fairtrial.doctor.child import seen_crash
from fairtrial.doctor.findings import Diagnosis
from fairtrial.doctor.seams import watching
from fairtrial.doctor.symptoms.everything import diagnose
from fairtrial.doctor.watch import Enough, Watch

BANK = Path(__file__).parent
# Programs by authors who did not know the rules. What the rules made of IDIOMS was looked at, and mended, before the
# figures of ASIDE were taken.
IDIOMS = BANK / "idioms"
ASIDE = BANK / "aside"
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
    def faults(self) -> dict[str, set[int]]:
        """The faults that were put in, each with its marked lines; none in a healthy program."""
        if not self.program.stem.endswith("_faulty"):
            return {}
        alone = None if self.program.parent.name == "several" else self.program.parent.name
        marked: dict[str, set[int]] = {alone: set()} if alone else {}
        for number, line in enumerate(self.program.read_text("utf8").splitlines(), 1):
            if MARK in line:
                marked.setdefault(alone or line.partition(MARK)[2].strip(" :"), set()).add(number)
        return marked

    @property
    def told(self) -> list[str]:
        """Faults that are named, in order; hints count only where nothing more can be said."""
        return [f.fault for f in self.diagnosis.findings if f.level != "info" or f.fault in HINTS]

    @property
    def alarms(self) -> list[str]:
        """What is named in a healthy program, and the error that ended it."""
        named = [f"{f.level} {f.fault}" for f in self.diagnosis.findings if f.level != "info"]
        return [] if self.faults else [*named, *([self.error] if self.error else [])]

    @property
    def detected(self) -> set[str]:
        """The faults that are among those named."""
        return set(self.told) & set(self.faults)

    @property
    def first(self) -> bool:
        """The first one named is a fault that was put in."""
        return bool(self.told) and self.told[0] in self.faults

    @property
    def placed(self) -> set[str]:
        """The faults whose finding's line is a marked one."""
        return {
            found.fault
            for found in self.diagnosis.findings
            if found.where and int(found.where.rpartition(":")[2]) in self.faults.get(found.fault, ())
        }


def programs(words: list[str] | None = None, folder: Path = BANK) -> list[Path]:
    """All programs of a folder like the bank whose path holds one of the words."""
    found = sorted(path for path in folder.glob("*/*.py"))
    return [path for path in found if not words or any(word in str(path.relative_to(folder)) for word in words)]


def seed() -> None:
    """Every stream at its start, for programs that set none, and what another program may have set."""
    torch.set_default_dtype(torch.float32)
    torch.set_grad_enabled(True)
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Nothing of the program's own output, and its imports and words as for `python PROGRAM`."""
    path, argv = list(sys.path), list(sys.argv)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.path[:], sys.argv[:] = path, argv


def execute(program: Path) -> tuple[dict[str, Any], Exception | None, float]:
    """The program's names at its end, the error that ended it, and its seconds; a watch may end it earlier."""
    seed()
    begun, names, error = time.process_time(), {}, None
    with quiet():
        sys.path.insert(0, str(program.parent))
        sys.argv[:] = [str(program)]
        try:
            names = runpy.run_path(str(program), run_name="__main__")
        except Exception as raised:
            error = raised
        except Enough:
            pass
    return names, error, time.process_time() - begun


def bits(names: dict[str, Any]) -> str:
    """A digest of all models and tensors, and of where the random streams are."""
    digest = hashlib.sha256()
    for name in sorted(names):
        value = names[name]
        tensors = value.state_dict().values() if isinstance(value, torch.nn.Module) else [value]
        for tensor in tensors:
            if isinstance(tensor, torch.Tensor) and not tensor.is_meta:
                digest.update(name.encode() + tensor.detach().cpu().float().numpy().tobytes())
    digest.update(torch.get_rng_state().numpy().tobytes())
    digest.update(repr((random.getstate(), np.random.get_state())).encode())
    return digest.hexdigest()


def examine(program: Path, repeat: int = 1, steps: int | None = None) -> Outcome:
    """The program bare and under watch, in turns; the watch ends after so many steps."""
    bare, watched, same, watch, error = [], [], True, Watch(), None
    for _ in range(repeat):
        names, _, seconds = execute(program)
        bare.append(seconds)
        plain = bits(names)
        watch = Watch(limit=steps)
        with watching(watch):
            names, error, seconds = execute(program)
            begun = time.process_time()
            watch.finish()
        watched.append(seconds + time.process_time() - begun)
        if steps is None and bits(names) != plain:  # importing some libraries draws a number: the first time only
            plain = bits(execute(program)[0])
        same = same and (steps is not None or bits(names) == plain)
    if isinstance(error, SyntaxError):
        raise error  # of the bank itself
    seen = [*watch.journal, seen_crash(error)] if error else watch.journal
    return Outcome(program, diagnose(seen), same, min(bare), min(watched), repr(error) if error else "")


def share(label: str, right: list[float]) -> str:
    """The mean over programs with its 95 % interval: Wilson's, which for shares within a program is a little wide."""
    if not right:
        return f"{label}: none"
    interval = binomtest(round(sum(right)), len(right)).proportion_ci(method="wilson")
    return f"{label}: {sum(right):.4g}/{len(right)} = {mean(right):.3f} ({interval.low:.3f} to {interval.high:.3f})"


def told(one: Outcome) -> list[str]:
    """What went wrong with a program, in words."""
    wrong = (
        (set(one.faults) - one.detected, f"missed {sorted(set(one.faults) - one.detected)}, told {one.told}"),
        (one.detected and not one.first, f"not first, told {one.told}"),
        (one.detected - one.placed, f"elsewhere: {[f'{f.fault} {f.where}' for f in one.diagnosis.findings]}"),
        (one.alarms, f"false alarm: {one.alarms}"),
        (not one.same, "other bits under watch"),
    )
    return [text for is_so, text in wrong if is_so]


def main() -> None:
    """Run, and print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("words", nargs="*")
    words.add_argument("--folder", type=Path, default=BANK)
    words.add_argument("--repeat", type=int, default=1)
    words.add_argument("--steps", type=int, help="watch only these first steps")
    asked = words.parse_args()
    folder = asked.folder.resolve()
    os.chdir(BANK.parent)
    torch.set_num_threads(1)
    outcomes: list[Outcome] = []
    for program in programs(asked.words, folder):
        outcomes.append(examine(program, asked.repeat, asked.steps))
        for text in told(outcomes[-1]):
            print(f"{program.relative_to(folder)}: {text}", flush=True)
    healthy = [o for o in outcomes if not o.faults]
    for label, faulty in (
        ("one fault", [o for o in outcomes if len(o.faults) == 1]),
        ("several faults", [o for o in outcomes if len(o.faults) > 1]),
    ):
        print(f"{label}: {len(faulty)} programs over {len({f for o in faulty for f in o.faults})} faults")
        print(share("  detected", [len(o.detected) / len(o.faults) for o in faulty]))
        print(share("  cause at rank 1", [float(o.first) for o in faulty]))
        print(share("  place", [len(o.placed) / len(o.faults) for o in faulty]))
    print(share("healthy programs with an alarm", [float(bool(o.alarms)) for o in healthy]))
    print(share("same bits", [float(o.same) for o in outcomes]))
    costs = sorted((o.watched / o.bare - 1, str(o.program.relative_to(folder))) for o in outcomes)
    print(f"cost: median {median(cost for cost, _ in costs):+.1%} of the program's time, worst:")
    for cost, name in costs[:-4:-1]:
        print(f"  {cost:+.1%} {name}")


if __name__ == "__main__":
    main()
