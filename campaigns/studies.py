"""Kill the workers or the driver of real studies at random instants, start them again, and compare the final tables.

    python campaigns/studies.py --studies 20 --seed 1

Each study is a `fairtrial compare` of its own: plain, tuned, or with seeds until all is settled; on both engines, with
two worker processes or none. It is killed with SIGKILL a few times, at any time from its start to its end: sometimes
the driver, sometimes one of its workers, which the driver then replaces. The table in the end has to be equal, bit by
bit but for seconds, to that of a study left alone; a run that had ended before a kill must not be made again.
Needs /proc to find workers: Linux.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_KILLS = 4  # of one study
COMPARE = [sys.executable, "-c", "from fairtrial.cli import main; main()", "compare", "--json", "--quiet"]
LINEAR, SMALL = "flatten, linear classes", "conv 4, norm, act, pool, flatten, dropout 0.2, linear classes"
STUDIES = {
    "plain": [SMALL, "engine=numpy", "epochs=6", "optimizer=adam,sgd,momentum", "--seeds", "3"],
    "tuned": [LINEAR, "engine=numpy", "epochs=8", "optimizer=adam,sgd", "--tune", "lr=1e-3..1:log", "--trials", "6"],
    "settled": [LINEAR, "engine=numpy", "epochs=6", "lr=0.001,0.01", "--seeds", "auto:8"],
    "torch": [SMALL, "epochs=8", "augment=shift 1", "optimizer=adam,momentum", "--seeds", "3"],
}
EXECUTORS = [["--jobs", "2"], ["--executor", "serial"]]


@dataclass
class Tally:
    """What was done to a study, and what came of it."""

    drivers: int = 0
    workers: int = 0
    remade: int = 0  # runs made again though they had ended
    equal: bool = False


def table(store: Path) -> Any:
    """The study's result but for seconds and rates made of them, and but for where it lies."""
    (path,) = store.glob("studies/*/study.json")
    return timeless(json.loads(path.read_text("utf8")))


def timeless(value: Any) -> Any:
    """The value without what may differ between two equal studies."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in ("path", "report") and "second" not in key}
        return {key: timeless(each) for key, each in kept.items()}
    return [timeless(each) for each in value] if isinstance(value, list) else value


def ended(store: Path) -> dict[str, bytes]:
    """The events of each run that is over: of those nothing may change any more."""
    events = {path.parent.name: path.read_bytes() for path in store.glob("*/events.jsonl")}
    over = b'"event": "ended"', b'"reason": "interrupted"'
    last = {name: (text.splitlines() or [b""])[-1] for name, text in events.items()}
    return {name: text for name, text in events.items() if over[0] in last[name] and over[1] not in last[name]}


def workers(driver: int) -> list[int]:
    """Processes that the driver started and that are alive."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has just ended
        if int(parent) == driver and state != "Z":
            found.append(int(path.parent.name))
    return found


def start(words: list[str], store: Path) -> subprocess.Popen[bytes]:
    """The command, with what it says kept beside the store."""
    with store.with_suffix(".log").open("ab") as log:
        return subprocess.Popen([*COMPARE, *words, "--store", str(store)], stdout=log, stderr=log)


def disturb(words: list[str], store: Path, seconds: float, chance: random.Random) -> Tally:
    """Run the study to its end with kills on its way; RuntimeError if it ends in any way but well."""
    tally, process = Tally(), start(words, store)
    over: dict[str, bytes] = {}
    for _ in range(chance.randint(1, MOST_KILLS)):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.1, seconds / 2))
            break  # it came to its end before
        over |= ended(store)
        at_work = workers(process.pid)
        if at_work and chance.random() < 0.5:
            tally.workers += 1
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(at_work), signal.SIGKILL)
        else:
            tally.drivers += 1
            process.kill()
            process.wait()
            process = start(words, store)
    if process.wait() != 0:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}; see {store.with_suffix('.log')}")
    after = ended(store)
    tally.remade = sum(after.get(name) != events for name, events in over.items())
    return tally


def campaign(studies: int, seed: int, folder: Path) -> list[tuple[str, Tally]]:
    """So many disturbed studies, each beside one of its kind that was left alone."""
    chance = random.Random(seed)
    wanted: dict[str, tuple[Any, float]] = {}
    told: list[tuple[str, Tally]] = []
    for number in range(studies):
        kind = list(STUDIES)[number % len(STUDIES)]
        words = [*STUDIES[kind], *EXECUTORS[number // len(STUDIES) % len(EXECUTORS)]]
        if kind not in wanted:
            alone, began = folder / kind, time.monotonic()
            if start([*STUDIES[kind], *EXECUTORS[0]], alone).wait() != 0:
                raise RuntimeError(f"{kind} failed; see {alone.with_suffix('.log')}")
            wanted[kind] = table(alone), time.monotonic() - began
        result, seconds = wanted[kind]
        store = folder / f"{kind}-{number}"
        tally = disturb(words, store, seconds, chance)
        tally.equal = table(store) == result
        told.append((f"{kind} {' '.join(words[-2:])}", tally))
        print(
            f"{told[-1][0]:28} killed: driver {tally.drivers}, worker {tally.workers}; "
            f"runs made again: {tally.remade}; table {'equal' if tally.equal else 'DIFFERS'}",
            flush=True,
        )
    return told


def main() -> None:
    """Run the campaign, print a line for each study, and end with 1 if any was not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        told = [tally for _, tally in campaign(asked.studies, asked.seed, Path(folder))]
    equal, kills = sum(tally.equal for tally in told), sum(tally.drivers + tally.workers for tally in told)
    remade = sum(tally.remade for tally in told)
    print(
        f"{len(told)} studies, {kills} kills ({sum(tally.workers for tally in told)} of workers): "
        f"{equal} tables equal, {remade} ended runs made again; {time.monotonic() - began:.0f} s"
    )
    sys.exit(0 if equal == len(told) and not remade else 1)


if __name__ == "__main__":
    main()
