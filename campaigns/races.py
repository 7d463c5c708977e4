"""Eight processes at once on one run, and eight that add lines to one file while they are killed.

    python campaigns/races.py [--races 200] [--lines 10000] [--seed 0]

Starters: all begin the same recipe in the same store at the same moment; in every third race those that still work are
killed after a while. One trains; the others are told who does (Busy), or find the run finished. In the end the run has
the bits of one left alone, and nothing beside its files is left.
Appenders: each adds numbered events to one file, and half of them are killed on the way. Every line that an append
had returned for is there, once and whole.
Needs `fork`: Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from kills import bits, fork, found

from fairtrial.disk import Disk
from fairtrial.runner import run
from fairtrial.spec.errors import Busy
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.store import FolderStore

STARTERS, BUSY = 8, 7


def start(recipe: Recipe, folder: Path, at: float) -> None:
    """Run the recipe at that moment; exit with 7 where another process does."""
    while time.monotonic() < at:
        pass
    try:
        run(recipe, FolderStore(folder))
    except Busy:
        os._exit(BUSY)


def race(recipe: Recipe, folder: Path, kill_after: float | None) -> Counter[str]:
    """How the starters ended; after so many seconds those that still work are killed."""
    at = time.monotonic() + 0.05
    children = [fork(lambda: start(recipe, folder, at)) for _ in range(STARTERS)]
    if kill_after is not None:
        time.sleep(max(0.0, at + kill_after - time.monotonic()))
        for child in children:
            os.kill(child, signal.SIGKILL)
    ends = Counter[str]()
    for child in children:
        status = os.waitpid(child, 0)[1]
        code = os.waitstatus_to_exitcode(status)
        ends[{0: "finished", BUSY: "busy", -signal.SIGKILL: "killed"}.get(code, f"exit {code}")] += 1
    return ends


def races(count: int, folder: Path, chance: random.Random) -> tuple[Counter[str], list[str]]:
    """All ends, and the races after which something was wrong."""
    recipe = make_recipe({"model": "linear", "engine": "numpy", "batch": 256, "epochs": 8, "save_every": 2})
    alone = FolderStore(folder / "alone")
    began = time.monotonic()
    run(recipe, alone)
    seconds = 2 * (time.monotonic() - began)  # of eight on few cores
    wanted, ends, wrong = bits(alone, found(alone, recipe)), Counter[str](), list[str]()
    for number in range(count):
        store = FolderStore(folder / str(number))
        told = race(recipe, store.root, chance.random() * seconds if number % 3 == 2 else None)
        if not told["finished"]:  # the one that trained was killed
            run(recipe, store)
        left = {path.name for path in (store.root / found(store, recipe)).iterdir() if path.name.startswith(".writing")}
        if bits(store, found(store, recipe)) != wanted or left or set(told) - {"finished", "busy", "killed"}:
            wrong.append(f"race {number}: {dict(told)} {left}")
        ends += told
    return ends, wrong


def add(path: Path, who: int, lines: int, told: Path) -> None:
    """Add so many lines, and count those that are on their way after the call."""
    disk, count = Disk(), os.open(told, os.O_CREAT | os.O_WRONLY)
    for number in range(lines):
        disk.append(
            path, json.dumps({"who": who, "number": number, "pad": "x" * (number % 200)}).encode() + b"\n", False
        )
        os.pwrite(count, (number + 1).to_bytes(8, "little"), 0)


def appends(lines: int, folder: Path, chance: random.Random) -> tuple[int, list[str]]:
    """The whole lines there are, and what is wrong with them."""
    path = folder / "events"
    told = [folder / f"told-{who}" for who in range(STARTERS)]
    children = [fork(lambda who=who: add(path, who, lines, told[who])) for who in range(STARTERS)]
    for child in children[::2]:
        time.sleep(chance.random() * lines * 1e-5)
        os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)
    wrong, seen = list[str](), Counter[int]()
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            read = json.loads(line)
        except ValueError:
            wrong.append(f"line {number} is mixed: {line[:60]!r}")
            continue
        if read["number"] != seen[read["who"]]:
            wrong.append(f"line {number} of process {read['who']} is {read['number']}, not {seen[read['who']]}")
        seen[read["who"]] = read["number"] + 1
    for who, count in enumerate(told):
        least = int.from_bytes(count.read_bytes(), "little")
        if not least <= seen[who] <= least + 1 or (who % 2 and seen[who] != lines):
            wrong.append(f"process {who}: {seen[who]} lines of {least}")
    return seen.total(), wrong


def main() -> None:
    """Print both tables; exit with 1 if anything was wrong."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--races", type=int, default=200)
    words.add_argument("--lines", type=int, default=10_000)
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        ends, bad = races(given.races, Path(folder), chance)
        told = ", ".join(f"{count} {end}" for end, count in ends.items())
        print(f"{given.races} races of {STARTERS}: {told}; {len(bad)} wrong", *bad[:5], sep="\n  ")
        lines, mixed = appends(given.lines, Path(folder), chance)
        print(
            f"{lines:,} lines by {STARTERS} processes, half of them killed; {len(mixed)} wrong", *mixed[:5], sep="\n  "
        )
    sys.exit(bool(bad or mixed))


if __name__ == "__main__":
    main()
