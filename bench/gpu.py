"""Seconds to 94 % on CIFAR-10: the recipe `cifar-speed` beside a plain torch loop of the same net, seed by seed.

    FAIRTRIAL_DATA=DIR python bench/gpu.py [--runs 5] [--target 0.94] [--airbench] [field=value ...]
    FAIRTRIAL_DATA=DIR python bench/gpu.py --runs 1 device=cpu images=1000 epochs=1 batch=100    a try on a CPU, minutes

The plain loop is what a careful user writes: images on the device as floats, flips for each image and one shift for
each batch, SGD with Nesterov momentum and a one-cycle rate, not compiled; its precision, batch and epochs are those of
the recipe. Both are scored on the test part after every epoch, for the curve alone. Seconds are those of the training
steps, to the end of the first epoch that reached the target (inf where none did), and of all epochs. A first run of one
epoch each warms up and does not count.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from fairtrial.catalogue import read_base
from fairtrial.engine.torch_net import make_module, pick_device
from fairtrial.parts.datasets import Dataset, load
from fairtrial.runner import engine_threads, make_plan, run
from fairtrial.spec.events import Fitted
from fairtrial.spec.recipe import Recipe, from_words
from fairtrial.statistics import estimate
from fairtrial.store import MemoryStore

RATE, DECAY, SHIFT = 0.4, 5e-4, 2  # of the plain loop: usual for SGD on such nets at this batch; pixels

Curve = list[tuple[float, float]]  # after each epoch: seconds of training steps so far, test accuracy


def ours(recipe: Recipe) -> Curve:
    """A run of the recipe, in memory."""
    record = run(recipe, MemoryStore())
    last = {event.epoch: event.fit_seconds for event in record.events if isinstance(event, Fitted)}
    seconds = np.cumsum(list(last.values()))
    return [(float(s), epoch.scores["test/accuracy"]) for s, epoch in zip(seconds, record.epochs, strict=True)]


def plain(recipe: Recipe, data: Dataset) -> Curve:
    """The plain torch loop."""
    device = torch.device(pick_device(recipe.device))
    torch.manual_seed(recipe.seed)
    split = data.split(recipe.seed, recipe.valid, recipe.images)
    pixels = torch.from_numpy(data.images).to(device).permute(0, 3, 1, 2).float().div_(255)
    train, test = (torch.from_numpy(rows).to(device) for rows in (split.train, split.test))
    mean, std = pixels[train].mean((0, 2, 3), keepdim=True), pixels[train].std((0, 2, 3), keepdim=True)
    x = ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(data.labels).to(device)
    plan = make_plan(recipe)
    net = make_module(plan.arch, plan.input).to(device)
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.SGD(net.parameters(), RATE, momentum=0.9, nesterov=True, weight_decay=DECAY, fused=True)
    steps = recipe.epochs * -(-len(train) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, cycle_momentum=False)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    precise = torch.autocast(device.type, torch.bfloat16) if recipe.precision == "bf16" else contextlib.nullcontext()
    curve: Curve = []
    seconds = 0.0
    for _ in range(recipe.epochs):
        began = perf_counter()
        net.train()
        for rows in train[torch.randperm(len(train), device=device)].split(recipe.batch):
            with precise:
                loss = criterion(net(changed(x[rows])), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if device.type != "cpu":
            torch.accelerator.synchronize()
        seconds += perf_counter() - began
        net.eval()
        with torch.no_grad(), precise:
            right = sum(int((net(x[rows]).argmax(1) == y[rows]).sum()) for rows in test.split(recipe.batch))
        curve.append((seconds, right / len(test)))
    return curve


def airbench(data: Dataset) -> Curve:
    """A run of airbench's package."""
    from airbench import CifarLoader, evaluate, train94  # pyright: ignore[reportMissingImports]
    from airbench.lib_airbench94 import hyp  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as here, contextlib.chdir(here):  # it looks for its images in this folder
        Path("cifar10").mkdir()
        for file, rows in {"train.pt": slice(data.test_from), "test.pt": slice(data.test_from, None)}.items():
            labels = torch.from_numpy(data.labels[rows])
            part = {"images": torch.from_numpy(data.images[rows]), "labels": labels, "classes": list(data.classes)}
            torch.save(part, f"cifar10/{file}")
        train = CifarLoader("cifar10", train=True, batch_size=hyp["opt"]["batch_size"], aug=hyp["aug"], altflip=True)
        torch.cuda.synchronize()
        began = perf_counter()
        net = train94(train, verbose=False)
        torch.cuda.synchronize()
        seconds = perf_counter() - began
        return [(seconds, evaluate(net, CifarLoader("cifar10", train=False, batch_size=2000), tta_level=2))]


def changed(images: Tensor) -> Tensor:
    """Half of the images mirrored, all of them moved alike."""
    mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    height, width = images.shape[2:]
    down, right = torch.randint(0, 2 * SHIFT + 1, (2,)).tolist()
    padded = nn.functional.pad(torch.where(mirrored, images.flip(3), images), [SHIFT] * 4, "reflect")
    return padded[:, :, down : down + height, right : right + width]


def main() -> None:
    """Print the machine, a row a run, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--target", type=float, default=0.94)
    parser.add_argument("--airbench", action="store_true", help="also its own recipe, by its package")
    parser.add_argument("fields", nargs="*", help="fields of the recipe, as in device=cpu")
    args = parser.parse_args()
    words = dict(word.split("=", 1) for word in args.fields)
    recipe = from_words(read_base("cifar-speed")[1], words).but(test_every=1, score_test=False)
    data = load(recipe.data)
    device = pick_device(recipe.device)
    name = torch.cuda.get_device_name() if device == "cuda" else device
    print(f"# {name}, torch {torch.__version__}, {recipe.data}, {recipe.epochs} epochs, n = {args.runs}")
    loops: dict[str, Callable[[Recipe], Curve]] = {"fairtrial": ours, "plain": lambda recipe: plain(recipe, data)}
    if args.airbench:
        loops["airbench"] = lambda recipe: airbench(data)
    curves: dict[str, list[Curve]] = {loop: [] for loop in loops}
    with engine_threads(recipe):  # both with its threads and kind of products
        for loop in loops.values():
            loop(recipe.but(epochs=1))
        for seed in range(args.runs):
            for loop, make in loops.items():
                curve = make(recipe.but(seed=seed))
                curves[loop].append(curve)
                told(f"{loop} seed {seed}", [curve], args.target)
    for loop, made in curves.items():
        told(f"{loop} mean", made, args.target)


def told(what: str, curves: list[Curve], target: float) -> None:
    """A row: accuracy at the end, seconds to the target and to the end."""
    accuracies = [curve[-1][1] for curve in curves]
    interval = estimate(accuracies).interval
    between = f" ({interval[0]:.4f} to {interval[1]:.4f})" if interval else ""
    reached = np.mean([min((s for s, accuracy in curve if accuracy >= target), default=np.inf) for curve in curves])
    whole = np.mean([curve[-1][0] for curve in curves])
    seconds = f"{target:.0%} after {reached:.2f} s, all epochs {whole:.2f} s"
    print(f"{what:18} accuracy {np.mean(accuracies):.4f}{between}, {seconds}", flush=True)


if __name__ == "__main__":
    main()
