"""An epoch of fairtrial's whole loop against a plain torch loop, interleaved, on the nets of systems A, C, D and E.

    FAIRTRIAL_DATA=DIR python bench/loop.py [--images 40000] [--repeats 5] [--nets A E] [--engines torch numpy] [--json]

The plain loop is what a careful user writes: images in memory as floats, one index a batch, channels_last, fused Adam,
one thread. `fit` compares the training steps alone; `epoch` the whole epoch with scores of the training and validation
part in eval mode, and for fairtrial also the events, the best weights and the checkpoint on disk.
"""

from __future__ import annotations

import argparse
import json
import platform
import signal
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

from fairtrial.catalogue import read_base
from fairtrial.parts.datasets import Dataset, load
from fairtrial.runner import Quiet, begin, engine_threads, make_plan, work
from fairtrial.spec.events import Event, Fitted, Saved
from fairtrial.spec.recipe import Recipe
from fairtrial.store import FolderStore, events_of

NETS = {"A": "mnist-cnn", "A-colour": "cifar-cnn", "C": "cifar-bn-cnn", "D": "mnist-strided-cnn", "E": "mnist-mlp"}
WHERE = {"cifar10": "cifar10-jpeg"}  # the JPEG images, as an image folder in the data folder


def plain_net(net: str) -> nn.Module:
    """The same nets, written as in a tutorial."""
    if net in ("A", "A-colour"):
        i, a, b, f = (1, 10, 32, 1568) if net == "A" else (3, 15, 45, 2880)
        return nn.Sequential(
            nn.Conv2d(i, a, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(a, b, 3, padding=1), nn.MaxPool2d(2),
            nn.ReLU(), nn.Flatten(), nn.Linear(f, 100), nn.ReLU(), nn.Dropout(0.3), nn.Linear(100, 10),
        )  # fmt: skip
    if net == "C":
        return nn.Sequential(
            nn.Conv2d(3, 6, 5, padding=2, padding_mode="reflect"), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(512, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip
    if net == "D":
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU(), nn.Conv2d(32, 64, 3),
            nn.ReLU(), nn.Flatten(), nn.Linear(1024, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in ((784, 256), (256, 128), (128, 64), (64, 32)):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.LeakyReLU()]
    return nn.Sequential(*layers, nn.Linear(32, 10))


def small(net: str, images: int) -> tuple[Recipe, Dataset]:
    """The net's recipe for one long run; data with `images` for training, 2,000 for validation and 500 for test."""
    recipe = read_base(NETS[net])[1]
    data = load(WHERE.get(recipe.data, recipe.data))
    rows = np.r_[
        np.random.default_rng(0).permutation(data.test_from)[: images + 2000], data.test_from : data.test_from + 500
    ]
    less = replace(data, images=data.images[rows], labels=data.labels[rows], test_from=images + 2000)
    plain = {"patience": 0, "score_every": 0, "test_every": 0, "keep": "best", "valid": 2000, "epochs": 100_000}
    return recipe.but(data=data.name, **plain), less


class Plain:
    """The plain torch loop."""

    def __init__(self, net: str, images: int) -> None:
        recipe, data = small(net, images)
        split = data.split(0, 2000)
        self.train, self.valid = torch.from_numpy(split.train), torch.from_numpy(split.valid)
        pixels = torch.from_numpy(data.images).permute(0, 3, 1, 2).float().div_(255)
        if "mean-std" in recipe.input:
            pixels = pixels.sub_(0.5).div_(0.5)
        self.x = pixels.contiguous(memory_format=torch.channels_last)
        self.y = torch.from_numpy(data.labels)
        self.batch = recipe.batch
        self.net = plain_net(net).to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.Adam(self.net.parameters(), recipe.lr, fused=True)

    def fit(self) -> None:
        self.net.train()
        total = 0.0
        for rows in self.train[torch.randperm(len(self.train))].split(self.batch):
            loss = nn.functional.cross_entropy(self.net(self.x[rows]), self.y[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item()

    @torch.no_grad()
    def score(self) -> None:
        self.net.eval()
        for part in (self.train, self.valid):
            loss = right = 0.0
            for rows in part.split(512):
                out = self.net(self.x[rows])
                loss += nn.functional.cross_entropy(out, self.y[rows], reduction="sum").item()
                right += (out.argmax(1) == self.y[rows]).sum().item()

    def epoch(self) -> tuple[float, float]:
        """Seconds of the training steps, and of the whole epoch."""
        began = perf_counter()
        self.fit()
        fitted = perf_counter()
        self.score()
        return fitted - began, perf_counter() - began


class Ours(Quiet):
    """fairtrial's own run, advanced by one epoch at a time: events, best weights and checkpoints go to disk."""

    def __init__(self, net: str, images: int, engine: str, folder: Path) -> None:
        recipe, data = small(net, images)
        plan, store = make_plan(recipe.but(engine=engine)), FolderStore(folder)
        name = f"{net}-{engine}"
        with store.hold(name):
            self.job = begin(plan, data, store, name, None, False)
        self.state, self.events = self.job.state, ()

    def epoch(self) -> tuple[float, float]:
        """Seconds of the training steps, and of everything up to the saved state."""
        self.began, self.stop = perf_counter(), []
        self.past = tuple(events_of(self.job.store, self.job.name))
        with engine_threads(self.job.plan.recipe):  # as `run` does
            work(self.job, self.past, self, 0, self.stop)
        return self.fit, self.saved - self.began

    def see(self, event: Event) -> None:
        if isinstance(event, Fitted):
            self.fit = event.fit_seconds
        if isinstance(event, Saved):
            self.saved = perf_counter()
            self.stop.append(signal.SIGINT)  # as Ctrl-C would: the run can go on from here


def measure(net: str, engine: str, images: int, repeats: int) -> dict[str, Any]:
    """Medians of both loops and of their ratio, pair by pair."""
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        torch.set_num_threads(1)
        plain, mine = Plain(net, images), Ours(net, images, engine, Path(folder))
        plain.epoch(), mine.epoch()  # warm-up
        pairs = [(plain.epoch(), mine.epoch()) for _ in range(repeats)]
    row: dict[str, Any] = {"net": net, "engine": engine, "images": images}
    for i, what in enumerate(("fit", "epoch")):
        ratios = sorted(b[i] / a[i] for a, b in pairs)
        row[what] = {
            "plain_images_per_second": round(images / statistics.median(a[i] for a, _ in pairs)),
            "images_per_second": round(images / statistics.median(b[i] for _, b in pairs)),
            "time_ratio": round(statistics.median(ratios), 3),
            "range": [round(ratios[0], 3), round(ratios[-1], 3)],
        }
    return row


def main() -> None:
    """Print the machine, then a row a net and engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    parser.add_argument("--engines", nargs="+", default=["torch", "numpy"], choices=["torch", "numpy"])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    print(
        f"# {platform.processor() or platform.machine()}, torch {torch.__version__}, NumPy {np.__version__}, 1 thread"
    )
    print(
        "# time of fairtrial / time of the plain torch loop: median of pairs (lowest to highest); speed is its inverse"
    )
    for engine in args.engines:
        for net in args.nets:
            row = measure(net, engine, args.images, args.repeats)
            if args.json:
                print(json.dumps(row), flush=True)
                continue
            for what in ("fit", "epoch"):
                r = row[what]
                low, high = r["range"]
                speeds = f"plain {r['plain_images_per_second']:>7,} images/s, fairtrial {r['images_per_second']:>7,}"
                print(
                    f"{engine:6} {net:9} {what:6} {r['time_ratio']:6.3f} ({low:.3f} to {high:.3f})   {speeds}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
