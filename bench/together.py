"""Many small nets at once: runs made together in worker processes, beside the same runs made one after the other there.

    python bench/together.py [--repeats 5] [--rates 4] [--seeds 4] [field=value ...]

Rates times seeds, of each net. *apart* are two workers that each make one run at a time, *together* the same two with
bundles of runs, *one worker* a single one with all runs in one bundle. Workers have torch loaded and have made a run
before the clock starts; events, weights and states go to the disk as in any study. All three come to the same bits,
which is checked. The ways take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from fairtrial.runner import Quiet
from fairtrial.spec.recipe import Recipe, from_words
from fairtrial.store import BEST, FolderStore
from fairtrial.study.execute import Task, processes

NETS = {
    "linear, digits": Recipe(model="linear"),
    "small MLP, digits": Recipe(model="small-mlp"),
    "MLP of system E, digits": Recipe(model="mlp"),
    "small MLP, MNIST": Recipe(model="small-mlp", data="mnist", images=6000, valid=1000, epochs=5),
    "MLP of system E, MNIST": Recipe(model="mlp", data="mnist", images=6000, valid=1000, epochs=5, batch=128),
}
WAYS: dict[str, tuple[int, Callable[[int], str]]] = {  # workers, and which runs may go together
    "apart": (2, str),
    "together": (2, lambda place: ""),
    "one worker": (1, lambda place: ""),
}


def made(recipes: list[Recipe], workers: int, among: Callable[[int], str], folder: Path) -> tuple[float, list[bytes]]:
    """Seconds that the runs took, and their best weights."""
    store = FolderStore(folder)
    with processes(workers)(store, Quiet()) as pool:
        for seed in range(workers):
            pool.submit(Task(recipes[0].but(seed=1000 + seed, epochs=1), among=f"warm {seed}"))
        for _ in range(workers):
            pool.next()
        began = perf_counter()
        for place, recipe in enumerate(recipes):
            pool.submit(Task(recipe, among=among(place)))
        names = {task.recipe.canonical(): name for task, name in (pool.next() for _ in recipes)}
        seconds = perf_counter() - began
    return seconds, [store.get(names[recipe.canonical()], BEST) or b"" for recipe in recipes]


def main() -> None:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("fields", nargs="*", metavar="field=value")
    words.add_argument("--repeats", type=int, default=5)
    words.add_argument("--rates", type=int, default=4)
    words.add_argument("--seeds", type=int, default=4)
    words.add_argument("--nets", nargs="*", default=list(NETS), choices=list(NETS))
    asked = words.parse_args()
    fields = dict(word.split("=", 1) for word in asked.fields)
    for net in asked.nets:
        base = from_words(NETS[net], fields)
        recipes = [base.but(lr=0.001 * 2**r, seed=s) for r in range(asked.rates) for s in range(asked.seeds)]
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        weights: list[list[bytes]] = []
        for _ in range(asked.repeats):
            for way, (workers, among) in WAYS.items():
                with tempfile.TemporaryDirectory() as folder:
                    seconds, best = made(recipes, workers, among, Path(folder))
                times[way].append(seconds)
                weights.append(best)
        same = all(best == weights[0] for best in weights)
        apart = times.pop("apart")
        print(f"{net}: {len(recipes)} runs apart {statistics.median(apart):.2f} s; {'same' if same else 'OTHER'} bits")
        for way, values in times.items():
            ratios = [one / other for one, other in zip(apart, values, strict=True)]
            ends = f"{min(ratios):.2f} to {max(ratios):.2f}, n = {len(ratios)}"
            print(
                f"  {way:11} {statistics.median(values):6.2f} s, {statistics.median(ratios):.2f} times as fast ({ends})"
            )


if __name__ == "__main__":
    main()
