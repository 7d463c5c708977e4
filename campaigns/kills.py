"""Kill real runs with SIGKILL at random instants, start them again, and compare every bit with a run left alone.

    python campaigns/kills.py --kills 60 --seed 1

Five nets on both engines, saving every few steps: dropout with augmentation, batch norm with early stopping and a
plateau schedule, a strided residual net with one-cycle and clipping, one with label smoothing and weight decay, one on
principal components. Most runs are children forked from a process that has torch imported already (a start costs
milliseconds, so that many kills fit into a minute), every fifteenth run is a `fairtrial run` of its own. A run is
killed again and again, at any time, in the first operations on the disk of a start or resume, or in the middle of a
write of a state or of weights; at the latest after six kills it may end. Needs `fork`: Linux or macOS.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # set before NumPy: a process with threads of its own forks badly
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from watched_disk import Operation, Watched

from fairtrial.parts.datasets import load
from fairtrial.runner import run
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.store import BEST, EVENTS, MADE, RECIPE, FolderStore, generations

MOST_KILLS = 6  # of one run
COMMAND = [sys.executable, "-c", "from fairtrial.cli import main; main()", "run"]

NETS = {
    "dropout, augmentation": {
        "model": "conv 6, act, pool, dropout 0.2, flatten, linear 32, act, dropout, linear classes",
        "augment": "alternating-flip, shift 1, cutout 3", "schedule": "warmup 6, cosine", "score_every": 4, "lr": 0.01,
        "init": "whitening", "average": "ema 0.9",
    },
    "batch norm, early stop": {
        "model": "conv 6, norm, act, pool, flatten, linear 32, norm, act, linear classes",
        "optimizer": "momentum", "lr": 0.3, "schedule": "plateau 0.5 0", "patience": 2, "min_delta": 0.05,
        "keep": "all",
    },
    "strided residual": {
        "model": "conv 8 3 stride 2, act, residual(conv 8, norm, act, conv 8, norm), act, global-pool, linear classes",
        "optimizer": "muon", "lr": 0.02, "schedule": "one-cycle", "clip": 1.0, "test_every": 2, "augment": "flip",
        "average": "lookahead 3",
    },
    "smoothed labels, weight decay": {
        "model": "flatten, linear 32, norm, act, dropout 0.3, linear classes", "optimizer": "adamw",
        "weight_decay": 0.1, "label_smoothing": 0.1, "schedule": "exponential 0.8", "l1": 1e-5,
    },
    "principal components": {
        "model": "linear 24, act, linear 16, act, linear classes", "input": "pca 20", "loss": "mse",
        "targets": "one-hot", "optimizer": "rmsprop", "lr": 0.003, "schedule": "step 2 0.5", "keep": "all",
    },
}  # fmt: skip


@dataclass
class Case:
    """A recipe with the bits that an undisturbed run of it ends in."""

    name: str
    recipe: Recipe
    wanted: dict[str, bytes]
    seconds: float  # that one forked run takes
    kills: int = 0
    starts: int = 0  # kills before the first save, or in the first operations of a start or resume
    writes: int = 0  # kills in the middle of a write
    nested: int = 0  # kills of a run that had been killed before
    identical: int = 0
    wrong: list[str] = field(default_factory=list)


def bits(store: FolderStore, name: str) -> dict[str, bytes]:
    """Everything of a run that must come back: its files but the older state, events without their times."""
    files = {file: store.get(name, file) or b"" for file in store.files(name)}
    kept = {RECIPE, MADE, BEST, *generations(store, name)[:1], *(f for f in files if f.startswith("epoch-"))}
    return {file: files.get(file, b"") for file in kept} | {EVENTS: timeless(files.get(EVENTS, b""))}


def timeless(events: bytes) -> bytes:
    """The lines of events without the keys that end in `seconds`."""
    lines = [json.loads(line) for line in events.splitlines()]
    kept = [{key: value for key, value in line.items() if not key.endswith("seconds")} for line in lines]
    return "\n".join(json.dumps(line) for line in kept).encode()


def fork(work: Callable[[], object]) -> int:
    """Start `work` in a child process of this one; it exits with 0 when it is done, with 1 if it raised."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a resumed run says so
        work()
        code = 0
    finally:
        os._exit(code)


def wait(child: int, enough: Callable[[], bool]) -> int | None:
    """The child's status when it has ended, or None if there was enough of waiting before."""
    while not enough():
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.001)
    return None


def kill(child: int, begun: Callable[[], bool], after: float) -> bool:
    """Kill the child so many seconds after it has begun; whether it was at work then, RuntimeError if it failed."""
    status = wait(child, begun)
    if status is None:
        deadline = time.monotonic() + after
        status = wait(child, lambda: time.monotonic() > deadline)
    if status is None:
        os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
    return killed(status)


def killed(status: int) -> bool:
    """Whether a child was; RuntimeError if it failed."""
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(f"a run ended with exit code {os.WEXITSTATUS(status)}")
    return os.WIFSIGNALED(status)


@dataclass
class Deadly:
    """Kills this process at the n-th operation on the disk, or write of a file, when a share of it is written."""

    n: int
    writes_alone: bool
    share: float
    done: int = 0

    def __call__(self, told: Operation, path: Path) -> None:
        self.done += told.kind == "write" or not self.writes_alone
        if self.done == self.n:
            if told.data:
                with path.open("ab" if told.kind == "append" else "wb") as file:
                    file.write(told.data[: int(self.share * len(told.data))])
            os.kill(os.getpid(), signal.SIGKILL)


def dying(recipe: Recipe, folder: Path, deadly: Deadly) -> bool:
    """Train in a process that kills itself; False if the training ended before."""
    store = FolderStore(folder, Watched(folder, deadly))
    return killed(os.waitpid(fork(lambda: run(recipe, store)), 0)[1])


def command(recipe: Recipe, folder: Path) -> int:
    """Start `fairtrial run` on the recipe as a process of its own."""
    fields = {name: value for name, value in recipe.model_dump(exclude_defaults=True).items() if name != "model"}
    words = [f"{name}={value}" for name, value in fields.items()]
    process = subprocess.Popen(
        [*COMMAND, recipe.model, *words, "--quiet", "--json", "--store", str(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    process.returncode = 0  # its status is waited for by number
    return process.pid


def make_cases(folder: Path, seed: int) -> list[Case]:
    """The nets on both engines, each trained once without disturbance."""
    cases = []
    for name, fields in NETS.items():
        for engine in ("torch", "numpy"):
            given = {"batch": 128, "epochs": 5, "save_every": 2, "seed": seed % 2**32, **fields, "engine": engine}
            recipe, store = make_recipe(given), FolderStore(folder / "undisturbed")
            began = time.monotonic()
            child = fork(lambda recipe=recipe, store=store: run(recipe, store))
            if os.waitpid(child, 0)[1]:
                raise RuntimeError(f"{name} on {engine}: the undisturbed run failed")
            seconds = time.monotonic() - began
            cases.append(Case(f"{name}, {engine}", recipe, bits(store, found(store, recipe)), seconds))
    return cases


def found(store: FolderStore, recipe: Recipe) -> str:
    """The name of the recipe's run."""
    return store.find(identity(recipe))


@cache
def identity(recipe: Recipe) -> str:
    """The recipe's id."""
    return recipe.id(load(recipe.data).fingerprint)


def states(store: FolderStore, recipe: Recipe) -> list[str]:
    """The states that the recipe's run has saved, newest first."""
    name = found(store, recipe)
    return generations(store, name) if name else []


def killed_at_any_time(case: Case, store: FolderStore, chance: random.Random, as_command: bool) -> bool:
    """Kill a start of the run at a random time; False if it ended before."""
    at_work = chance.random() < 0.6  # after it saved something, and not while it starts or resumes
    after = chance.random() * (case.seconds / 2 if at_work else case.seconds + 3.0 * as_command)
    before = states(store, case.recipe) if at_work else None  # None: it need not have saved anything
    child = command(case.recipe, store.root) if as_command else fork(lambda: run(case.recipe, store))
    return kill(child, lambda: before is None or states(store, case.recipe) != before, after)


def disturb(case: Case, folder: Path, chance: random.Random, most: int, as_command: bool) -> None:
    """One run of the case, killed up to `most` times, then left to end and compared."""
    store, kills = FolderStore(folder), 0
    while kills < most:
        how = "at any time" if as_command else chance.choice(["at any time", "in the beginning", "in a write"])
        if how != "at any time":
            deadly = Deadly(chance.randint(1, 8), how == "in a write", chance.random())
            if not dying(case.recipe, folder, deadly):
                break
        elif not killed_at_any_time(case, store, chance, as_command):
            break
        name = found(store, case.recipe)
        case.starts += how == "in the beginning" or not name or not generations(store, name)
        case.writes += how == "in a write"
        case.nested += kills > 0
        kills += 1
    if os.waitpid(fork(lambda: run(case.recipe, store)), 0)[1]:
        raise RuntimeError(f"{case.name}: a run could not be resumed, see {folder}")
    case.kills += kills
    got = bits(store, found(store, case.recipe))
    differing = sorted(file for file in got.keys() | case.wanted.keys() if got.get(file) != case.wanted.get(file))
    files = [path.name for path in (store.root / found(store, case.recipe)).iterdir()]
    leftover = [file for file in files if file.startswith(".writing") or file.endswith(".bad")]
    if differing or leftover:
        case.wrong.append(f"{folder}: {', '.join(differing + leftover)}")
    else:
        case.identical += kills


def campaign(kills: int, seed: int, folder: Path) -> list[Case]:
    """Disturb the cases in turn until so many kills are made."""

    import fairtrial.engine.torch_net  # noqa: F401

    chance = random.Random(seed)
    cases = make_cases(folder, seed)
    rounds = made = 0
    while made < kills:
        case = cases[rounds % len(cases)]
        as_command = rounds % 15 == 6  # a run that bears few kills, since it takes seconds to start
        most = min(kills - made, 2 if as_command else chance.randint(1, MOST_KILLS))
        disturb(case, folder / f"run-{rounds}", chance, most, as_command)
        rounds, made = rounds + 1, sum(case.kills for case in cases)
    return cases


def points(folder: Path) -> tuple[int, list[str]]:
    """Kill a small run at its n-th operation on the disk, for every n: how many there are, and what went wrong."""
    fields = {"model": "flatten, linear classes", "engine": "numpy", "batch": 512, "epochs": 2, "save_every": 2}
    recipe, alone, wrong = make_recipe(fields), FolderStore(folder / "undisturbed"), []
    os.waitpid(fork(lambda: run(recipe, alone)), 0)
    wanted = bits(alone, found(alone, recipe))
    for n in range(1, 10_000):
        store = FolderStore(folder / f"before-{n}")
        if not dying(recipe, store.root, Deadly(n, writes_alone=False, share=0.5)):
            return n - 1, wrong
        os.waitpid(fork(lambda store=store: run(recipe, store)), 0)
        if bits(store, found(store, recipe)) != wanted:
            wrong.append(f"killed at operation {n}")
    raise RuntimeError("the run never ended")


def table(cases: list[Case]) -> str:
    """The cases and their sum."""
    rows = [f"{'net, engine':40}{'kills':>7}{'at start':>10}{'in a write':>12}{'nested':>8}{'identical':>11}"]
    rows += [f"{c.name:40}{c.kills:7}{c.starts:10}{c.writes:12}{c.nested:8}{c.identical:11}" for c in cases]
    rows += [f"differs: {wrong}" for case in cases for wrong in case.wrong]
    kills, same = sum(c.kills for c in cases), sum(c.identical for c in cases)
    rows += [f"{sum(c.starts for c in cases)} at a start or resume, {sum(c.writes for c in cases)} in a write"]
    return "\n".join([*rows, f"{kills} kills, {kills} resumes, {same} bit-identical"])


def main() -> None:
    """Print the table; exit with 1 if a single bit differs."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--kills", type=int, default=60)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--points", action="store_true", help="kill a small run at each operation on the disk")
    given = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        if given.points:
            count, wrong = points(Path(folder))
            print("\n".join([*wrong, f"{count} operations, {count - len(wrong)} kills survived bit-identical"]))
            sys.exit(bool(wrong))
        cases = campaign(given.kills, given.seed, Path(folder))
        print(table(cases))
        print(f"{time.monotonic() - began:.0f} s, seed {given.seed}")
        sys.exit(any(case.wrong for case in cases))


if __name__ == "__main__":
    main()
