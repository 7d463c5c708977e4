"""Many small nets in one program, on any device: a stack of them beside the same nets trained one by one.

    python bench/many.py [--nets 1024] [--alone 16] [field=value ...]

The nets differ in seed and rate. One by one only some are trained, and their seconds counted as many times as there are
nets. No run is written; scores after every epoch are part of both. On a CPU a stack comes to the same bits, on a GPU to
nearly the same numbers: printed is the largest difference between a weight trained in the stack and alone, over the
largest weight. An epoch of some nets each way warms up and does not count.
"""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np

from fairtrial.parts.datasets import load
from fairtrial.runner import begin, engine_threads, make_plan
from fairtrial.spec.arrays import NumpyArray
from fairtrial.spec.recipe import Recipe, from_words
from fairtrial.store import MemoryStore
from fairtrial.train.loop import Course, train
from fairtrial.train.stack import train_together

NET = Recipe(model="small-mlp", epochs=10)


def courses(base: Recipe, count: int) -> list[Course]:
    """So many runs at their beginning, on one copy of the images."""
    data, made = load(base.data), list[Course]()
    for place in range(count):
        recipe = base.but(seed=place // 4, lr=0.001 * 2 ** (place % 4))
        job = begin(make_plan(recipe), data, MemoryStore(), str(place), None, False)
        job.stream.images = made[0].stream.images if made else job.stream.images
        made.append(Course(recipe, job.state, job.stream, job.plan.criterion, ()))
    return made


def stacked(base: Recipe, count: int) -> tuple[float, list[Course]]:
    """Seconds of the training in a stack, and what came of it."""
    plan, runs = make_plan(base), sorted(courses(base, count), key=lambda course: course.recipe.lr)
    began = perf_counter()
    for _ in train_together(runs, plan.arch, plan.input, lambda: False):
        pass
    runs[0].state.net.wait()
    return perf_counter() - began, runs


def alone(base: Recipe, count: int) -> tuple[float, list[Course]]:
    """The same, one by one."""
    runs = courses(base, count)
    began = perf_counter()
    for each in runs:
        for _ in train(each.recipe, each.state, each.stream, each.criterion):
            pass
    runs[0].state.net.wait()
    return perf_counter() - began, runs


def weights(course: Course) -> NumpyArray:
    """All in a row."""
    return np.concatenate([values.ravel() for values in course.state.net.tensors().values()])


def main() -> None:
    """Print the ratio."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--nets", type=int, default=1024)
    words.add_argument("--alone", type=int, default=16)
    words.add_argument("fields", nargs="*", metavar="field=value")
    asked = words.parse_args()
    base = from_words(NET, dict(word.split("=", 1) for word in asked.fields))
    with engine_threads(base):
        for way in (stacked, alone):
            way(base.but(epochs=1), 4)
        together, ours = stacked(base, asked.nets)
        apart, theirs = alone(base, asked.alone)
    numbers = {course.recipe: weights(course) for course in ours}
    far = max(float(abs(numbers[c.recipe] - weights(c)).max() / abs(weights(c)).max()) for c in theirs)
    whole = apart * asked.nets / asked.alone
    print(
        f"{base.model} on {base.data}, {theirs[0].state.net.place}: {asked.nets} nets x {base.epochs} epochs in one "
        f"program {together:.1f} s, one by one {whole:.1f} s ({asked.alone} of them measured): "
        f"{whole / together:.1f} times as fast; weights differ by {far:.1e} at most"
    )


if __name__ == "__main__":
    main()
