"""Seconds to 99 % on MNIST and 75 % on CIFAR-10 (JPEG), from a cold start: fairtrial beside a plain torch loop.

    FAIRTRIAL_DATA=DIR taskset -c 0,1 python bench/time_to_accuracy.py [--goals mnist cifar] [--seeds 3] [field=value]

The protocol: a run is a process of its own, and its seconds last from the start of the process to its end: imports,
reading the data as they were downloaded (nothing that was decoded before is used), for fairtrial the probe for threads,
files and curves, training on all training images, and one look at the test part at the end. The epoch at which a run
stops is the recipe's: both recipes were chosen on 10,000 images of the training part. The plain loop is what a careful
user writes for the same net, batches and epochs: images as floats in memory, channels_last, fused Adam with a one-cycle
rate, images mirrored by chance where the recipe mirrors them; it is given as many threads as fairtrial's probe picked.
Both take turns, seed by seed. A goal is reached if the mean over the seeds is.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

SHARED = {"valid": 0, "score_train": "false", "input": "standardise", "schedule": "one-cycle 0.2", "optimizer": "muon",
          "momentum": 0.6, "lr": 0.05, "label_smoothing": 0.1, "threads": "auto"}  # fmt: skip
GOALS: dict[str, tuple[float, dict[str, Any]]] = {
    "mnist": (0.99, SHARED | {
        "data": "mnist", "batch": 128, "epochs": 2,
        "model": "conv 10 no-bias, pool, norm, act, conv 24 no-bias, pool, norm, act, "
        "conv 48 no-bias, pool, norm, act, flatten, linear classes",
    }),
    "cifar": (0.75, SHARED | {
        "data": "cifar10-jpeg", "batch": 250, "epochs": 3, "init": "whitening", "test_flip": "true",
        "augment": "alternating-flip",
        "model": "conv 24 2 stride 2 valid, act, conv 32 no-bias, norm, act, conv 48 no-bias, pool, norm, act, "
        "conv 64 no-bias, norm, act, conv 64 no-bias, pool, norm, act, flatten, linear classes no-bias",
    }),
}  # fmt: skip
RATE = 0.01  # of the plain loop's Adam


@dataclass(frozen=True)
class Timed:
    """A run from the start of its process to its end."""

    seconds: float
    accuracy: float
    threads: int


def ours(words: Sequence[str]) -> Timed:
    """`fairtrial run`, into an empty store."""
    seconds, told = timed(["-m", "fairtrial", "run", *words, "--json", "--quiet"])
    return Timed(seconds, told["test"]["accuracy"], told["recipe"]["threads"])


def plain(words: Sequence[str], threads: int) -> Timed:
    """This file, as the plain loop."""
    seconds, told = timed([__file__, "--plain", *words, f"threads={threads}"])
    return Timed(seconds, told["accuracy"], threads)


def timed(command: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Seconds of a Python process in an empty folder, without data that were decoded before, and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        began = perf_counter()
        done = subprocess.run(
            [sys.executable, *command], cwd=folder, env={**os.environ, "FAIRTRIAL_CACHE": f"{folder}/cache"},
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        return perf_counter() - began, json.loads(done.stdout)


def plain_loop(words: Sequence[str]) -> float:
    """Train as the module's text says, and return the accuracy on the test part."""
    import torch
    from torch import nn

    from fairtrial.engine.torch_net import make_module
    from fairtrial.parts.datasets import load
    from fairtrial.runner import make_plan
    from fairtrial.spec.recipe import Recipe, from_words

    recipe = from_words(Recipe(), dict(word.split("=", 1) for word in words))
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    data = load(recipe.data)
    split, plan = data.split(recipe.seed, recipe.valid, recipe.images), make_plan(recipe)
    pixels = torch.from_numpy(data.images).permute(0, 3, 1, 2).float().div_(255)
    train, test = torch.from_numpy(split.train), torch.from_numpy(split.test)
    seen = pixels[train]
    mean, std = seen.mean((0, 2, 3), keepdim=True), seen.std((0, 2, 3), keepdim=True)
    x = ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(data.labels)
    net = make_module(plan.arch, plan.input)
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.Adam(net.parameters(), RATE, fused=True)
    steps = recipe.epochs * -(-len(train) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.2, cycle_momentum=False)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    for _ in range(recipe.epochs):
        for rows in train[torch.randperm(len(train))].split(recipe.batch):
            images = x[rows]
            if "flip" in recipe.augment:
                images = torch.where(torch.rand(len(rows), 1, 1, 1) < 0.5, images.flip(3), images)
            loss = criterion(net(images), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        return sum(int((net(x[rows]).argmax(1) == y[rows]).sum()) for rows in test.split(1000)) / len(test)


def told(name: str, runs: Sequence[Timed], target: float) -> None:
    """A row: seconds and accuracy, and whether the mean reaches the target."""
    seconds, accuracies = [run.seconds for run in runs], [run.accuracy for run in runs]
    mean = statistics.mean(accuracies)
    between = f" ({min(seconds):.1f} to {max(seconds):.1f})" if len(runs) > 1 else ""
    verdict = f"target {target:.0%} {'reached' if mean >= target else 'missed'}"
    threads = " or ".join(map(str, sorted({run.threads for run in runs})))
    print(
        f"{name:24} {statistics.mean(seconds):6.1f} s{between}, test {mean:.4f}, {verdict}, threads {threads}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the machine, a row a run, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--goals", nargs="+", choices=GOALS, default=list(GOALS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="be the plain loop once, with the fields that are given")
    parser.add_argument("fields", nargs="*", help="fields that are not the recipes' own, as in epochs=1")
    asked = parser.parse_args(arguments)
    if asked.plain:
        print(json.dumps({"accuracy": plain_loop(asked.fields)}))
        return
    import torch

    from fairtrial.study.execute import cores

    print(f"# {cores()} cores, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}, n = {asked.seeds}")
    for goal in asked.goals:
        target, fields = GOALS[goal]
        runs: dict[str, list[Timed]] = {"fairtrial": [], "plain": []}
        fields = {**fields, **dict(word.split("=", 1) for word in asked.fields)}
        for seed in range(asked.seeds):
            words = [f"{name}={value}" for name, value in {**fields, "seed": seed}.items()]
            runs["fairtrial"].append(ours(words))
            told(f"{goal} fairtrial seed {seed}", runs["fairtrial"][-1:], target)
            runs["plain"].append(
                plain([word for word in words if word != "threads=auto"], runs["fairtrial"][-1].threads)
            )
            told(f"{goal} plain seed {seed}", runs["plain"][-1:], target)
        for name, made in runs.items():
            told(f"{goal} {name}, mean", made, target)


if __name__ == "__main__":
    main()
