"""Let the disk fail, tear, forget or die at every operation of a training, and see what is left after the next start.

    python campaigns/disk.py [--nets 2] [--only states|failures|flips]

What a training writes goes through `fairtrial.disk.Disk`; here one takes its place. Three tables:

States: the operations of a whole run are recorded, and the folder is built again as a crash may leave it: before each
operation, in the middle of it (cut at every 512 bytes, and after the first and before the last byte), with what was not
synced lost, with one operation that was not synced lost and all others kept (so that a rename comes early), and with
the end of a file that was not synced turned to zeros. The model is that of Pillai et al., "All File Systems Are Not
Created Equal", OSDI 2014. The same command then has to end in the bits of the run that was left alone.

Failures: the n-th operation fails, for every n until a run has no more of them, for no space, an I/O error, a quota and
too many open files, once and from then on, before anything is written and after half of it. The run has to try again,
and to go on or end with an OutOfResources of one line; then the next start has to end in the same bits.

Flips: every bit of a small state turned, and every length that it may be cut to; and random bits, one at a time, of
the state that a net of 2.6 MB leaves behind: all have to be refused.
"""

from __future__ import annotations

import argparse
import errno
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from kills import NETS, bits, found
from watched_disk import Operation, Watched

from fairtrial.disk import Disk
from fairtrial.runner import Quiet, run
from fairtrial.spec.errors import DamagedFile, OutOfResources
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.spec.tensorfile import pack, unpack
from fairtrial.store import FolderStore, generations

os.environ["FAIRTRIAL_RETRY_SECONDS"] = "0 0 0"  # three times, as by default, without waiting
SECTOR = 512  # bytes that a disk writes at once
LARGE = make_recipe(
    {
        "model": "flatten, linear 256, act, linear classes",
        "data": "mnist",
        "engine": "numpy",
        "images": 512,
        "batch": 256,
        "epochs": 1,
    }
)
ERRORS = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EMFILE)


class Unsynced(Disk):
    """The same operations without waiting for a real disk: images of crashes are made by the thousand."""

    def write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)

    def append(self, path: Path, data: bytes, durable: bool) -> None:
        with path.open("ab") as file:
            file.write(data)

    def sync_folder(self, path: Path) -> None:
        pass


class Silent(Quiet):
    """Does not say where each run goes on."""

    def say(self, text: str) -> None:
        pass


# States that a crash may leave


@dataclass(frozen=True)
class Crash:
    """What is on the disk after one: these operations, in this order."""

    kind: str
    at: int  # operations before it
    left: list[Operation]


def crashes(log: list[Operation]) -> Iterator[Crash]:
    """Every state of the model, for a crash at any of the operations."""
    for at in range(len(log) + 1):
        past = log[:at]
        yield Crash("before", at, past)
        if at < len(log) and log[at].data:
            yield from (Crash("torn", at, [*past, cut(log[at], size)]) for size in sizes(len(log[at].data)))
        loose = [place for place in range(at) if not synced(past, place)]
        if not loose:
            continue
        yield Crash("unsynced lost", at, [each for place, each in enumerate(past) if place not in loose])
        for place in loose:
            if all(past[later].path != past[place].path for later in range(place + 1, at)):
                yield Crash("one lost", at, [*past[:place], *past[place + 1 :]])
        last = past[loose[-1]]
        if last.kind == "append":
            zeros = Operation("append", last.path, bytes(len(last.data)))
            yield Crash("zeros", at, [*past[: loose[-1]], zeros, *past[loose[-1] + 1 :]])


def cut(operation: Operation, size: int) -> Operation:
    """Its first bytes."""
    return Operation(operation.kind, operation.path, operation.data[:size])


def sizes(length: int) -> list[int]:
    """Where a write may be torn."""
    return sorted({0, 1, length - 1, *range(SECTOR, length, SECTOR)} - {length})


def synced(past: list[Operation], place: int) -> bool:
    """Whether an operation is durable at the end of these."""
    done, later = past[place], past[place + 1 :]
    if done.kind in ("make_folder", "sync_folder", "write"):  # a written file that is not renamed is nobody's
        return True
    if done.kind == "append":
        return done.durable or any(each.kind == "append" and each.durable and each.path == done.path for each in later)
    return any(each.kind == "sync_folder" and each.path == done.path.parent for each in later)


def look(root: Path, crash: Crash, recipe: Recipe, wanted: dict[str, bytes]) -> str:
    """Build the folder, start the run again, compare; what is wrong, or nothing."""
    disk = Unsynced()
    for operation in crash.left:
        operation.on(disk, root)
    store = FolderStore(root, disk)
    run(recipe, store, watch=Silent())
    return differing(store, recipe, wanted)


def differing(store: FolderStore, recipe: Recipe, wanted: dict[str, bytes]) -> str:
    """The files of a run that are not as they have to be."""
    got = bits(store, found(store, recipe))
    leftovers = [path.name for path in (store.root / found(store, recipe)).glob(".writing-*")]
    return ", ".join(
        sorted(file for file in got.keys() | wanted.keys() if got.get(file) != wanted.get(file)) + leftovers
    )


def states(recipe: Recipe, folder: Path) -> tuple[Counter[str], list[str]]:
    """How many states of each kind there are, and those after which something was wrong."""
    log: list[Operation] = []
    alone = folder / "alone"
    alone.mkdir(parents=True)
    run(recipe, FolderStore(alone, Watched(alone, lambda told, path: log.append(told))), watch=Silent())
    wanted = bits(FolderStore(alone), found(FolderStore(alone), recipe))
    count, wrong = Counter[str](), list[str]()
    for number, crash in enumerate(crashes(log)):
        root = folder / str(number)
        root.mkdir()
        if said := look(root, crash, recipe, wanted):
            wrong.append(f"{crash.kind}, after {crash.at} operations: {said}")
        count[crash.kind] += 1
        remove(root)
    return count, wrong


def remove(root: Path) -> None:
    """A folder of folders of files."""
    for path in sorted(root.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    root.rmdir()


# Operations that fail


@dataclass
class Failing:
    """Raises at the n-th operation, once or from then on, before it or in the middle of what it writes."""

    n: int
    number: int
    lasting: bool
    half: bool
    done: int = 0

    def __call__(self, told: Operation, path: Path) -> None:
        self.done += 1
        if self.done == self.n or (self.lasting and self.done > self.n):
            if self.half and told.data:
                with path.open("ab" if told.kind == "append" else "wb") as file:
                    file.write(told.data[: len(told.data) // 2])
            raise OSError(self.number, os.strerror(self.number), str(path))


def failures(recipe: Recipe, folder: Path, errors: tuple[int, ...] = ERRORS) -> tuple[Counter[str], list[str]]:
    """The calls that were made to fail, by the error, and what was wrong after one."""
    alone = FolderStore(folder / "alone", Unsynced())
    run(recipe, alone, watch=Silent())
    wanted = bits(alone, found(alone, recipe))
    count, wrong = Counter[str](), list[str]()
    for number in errors:
        for lasting, half in product((False, True), repeat=2):
            n = 1
            while True:
                root = folder / f"{number}-{lasting}-{half}-{n}"
                root.mkdir()
                failing = Failing(n, number, lasting, half)
                said = failed(recipe, root, failing)
                if failing.done < n:
                    break
                count[errno.errorcode[number]] += 1
                said = said or look(root, Crash("failed", n, []), recipe, wanted)
                if said:
                    wrong.append(f"{errno.errorcode[number]} at operation {n}, {lasting=}, {half=}: {said}")
                remove(root)
                n += 1
    return count, wrong


def failed(recipe: Recipe, root: Path, failing: Failing) -> str:
    """Run on a disk that fails: what was not told as it should be."""
    try:
        run(recipe, FolderStore(root, Watched(root, failing)), watch=Silent())
    except OutOfResources as error:
        if os.strerror(failing.number) not in str(error) or "\n" in str(error):
            return f"said {error}"
    return ""


# Bits


def flips() -> tuple[Counter[str], list[str]]:
    """Every bit of a small state turned, and every length it may have."""
    chance = np.random.default_rng(0)
    tensors = {"weight": chance.normal(size=(32, 62)).astype(np.float32), "step": np.array([7])}
    data = pack(tensors, {"step": 7})
    count, wrong = Counter[str](), list[str]()
    changed = bytearray(data)
    for place in range(8 * len(data)):
        changed[place // 8] ^= 1 << place % 8
        count["bit turned"] += 1
        if loads(bytes(changed)):
            wrong.append(f"bit {place} turned: loaded")
        changed[place // 8] ^= 1 << place % 8
    for size in range(len(data)):
        count["cut"] += 1
        if loads(data[:size]):
            wrong.append(f"cut to {size} bytes: loaded")
    return count, wrong


def large_flips(recipe: Recipe, folder: Path, count: int) -> tuple[int, list[str]]:
    """How large the last state of the recipe's run is, and which of so many random bits of it may be turned."""
    store = FolderStore(folder, Unsynced())
    record = run(recipe, store, watch=Silent())
    data = bytearray(store.get(record.name, generations(store, record.name)[0]) or b"")
    chance, wrong = random.Random(0), list[str]()
    for place in (chance.randrange(8 * len(data)) for _ in range(count)):
        data[place // 8] ^= 1 << place % 8
        if loads(bytes(data)):
            wrong.append(f"bit {place} turned: loaded")
        data[place // 8] ^= 1 << place % 8
    if not loads(bytes(data)):
        wrong.append("the state itself is refused")
    return len(data), wrong


def loads(data: bytes) -> bool:
    """Whether the bytes are taken for a state."""
    try:
        unpack(data, "state")
    except DamagedFile:
        return False
    return True


def recipes(count: int) -> Iterator[tuple[str, Recipe]]:
    """Nets of the campaign of kills on both engines, short and small: some hundred operations."""
    for name, fields in [*NETS.items()][:count]:
        for engine in ("numpy", "torch"):
            yield (
                f"{name}, {engine}",
                make_recipe({**fields, "batch": 256, "epochs": 4, "images": 512, "save_every": 2, "engine": engine}),
            )


def main() -> None:
    """Print the tables; exit with 1 if anything was wrong."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--nets", type=int, default=len(NETS))
    words.add_argument("--flips", type=int, default=50_000, help="random bits of a large state")
    words.add_argument("--only", choices=["states", "failures", "flips"])
    given = words.parse_args()
    began, bad = time.monotonic(), 0
    kinds: dict[str, Callable[[Recipe, Path], tuple[Counter[str], list[str]]]] = {
        "states": states,
        "failures": failures,
    }
    with tempfile.TemporaryDirectory() as folder:
        for kind, look_at in kinds.items():
            total = Counter[str]()
            for name, recipe in recipes(given.nets) if given.only in (None, kind) else ():
                count, wrong = look_at(recipe, Path(folder, kind, name))
                total += count
                bad += len(wrong)
                print(f"{kind}, {name}: {count.total()}, {len(wrong)} wrong", *wrong[:5], sep="\n  ", flush=True)
            if total:
                told = ", ".join(f"{number} {what}" for what, number in total.items())
                print(f"{kind}: {total.total()} in all: {told}")
    if given.only in (None, "flips"):
        count, wrong = flips()
        bad += len(wrong)
        print(
            f"flips: {count['bit turned']} bits turned, {count['cut']} cuts, {len(wrong)} loaded",
            *wrong[:5],
            sep="\n  ",
        )
        with tempfile.TemporaryDirectory() as folder:
            size, wrong = large_flips(LARGE, Path(folder), given.flips)
        bad += len(wrong)
        print(f"flips: {given.flips} random bits of {size:,} bytes, {len(wrong)} wrong", *wrong[:5], sep="\n  ")
    print(f"{bad} wrong; {time.monotonic() - began:.0f} s")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
