"""Steps a second of the NumPy engine beside a plain torch loop, one thread each, in turns.

Run with OPENBLAS_NUM_THREADS=1. The torch loop is the one to beat: images in memory, index per batch, channels_last,
fused Adam, and no accounting at all. Both sides train the same nets on the same random images.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from statistics import median
from time import perf_counter

import numpy as np
import torch

from fairtrial.engine.net import At
from fairtrial.engine.numpy_net import NumpyNet
from fairtrial.engine.torch_net import make_module
from fairtrial.parts.initialisers import start
from fairtrial.parts.losses import CrossEntropy
from fairtrial.parts.models import MODELS
from fairtrial.parts.optimizers import Adam
from fairtrial.spec.arch_text import read_arch, resolve

CASES = {  # name of the net: its system, height, width, channels, batch, activation
    "mlp": ("E", (28, 28, 1), 128, "leaky-relu"),
    "cnn2": ("A", (28, 28, 1), 64, "relu"),
    "bn-cnn": ("C", (32, 32, 3), 128, "relu"),
    "strided-cnn": ("D", (28, 28, 1), 128, "relu"),
}
TURNS, STEPS = 7, 12  # each turn times so many steps of either side


def main(only: list[str]) -> None:
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, numpy {np.__version__}; milliseconds a step, median of {TURNS} turns")
    for model in only or CASES:
        system, shape, batch, activation = CASES[model]
        steps = [make(model, shape, batch, activation) for make in (torch_step, numpy_step)]
        times = [[timed(step) for step in steps] for _ in range(TURNS + 1)][1:]
        plain, ours = (1000 * median(column) for column in zip(*times, strict=True))
        ratios = sorted(t / o for t, o in times)
        speed = f"{median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{system} {model:12} torch {plain:6.2f}  numpy {ours:6.2f}  speed of torch's {speed}")


def timed(step: Callable[[], None]) -> float:
    begin = perf_counter()
    for _ in range(STEPS):
        step()
    return (perf_counter() - begin) / STEPS


def data(shape: tuple[int, ...], batch: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.random((20 * batch, *shape), np.float32), random.integers(10, size=20 * batch)


def numpy_step(model: str, shape: tuple[int, ...], batch: int, activation: str) -> Callable[[], None]:
    images, labels = data(shape, batch)
    h, w, c = shape
    arch = resolve(read_arch(MODELS[model].text(c)), activation=activation, norm="batch", dropout=0.3, outputs=10)
    net = NumpyNet(arch, (c, h, w), start(arch, (c, h, w), "kaiming-normal", 0), "float32")
    optimizer, loss, table = net.optimizer(Adam()), CrossEntropy(), np.eye(10, dtype=np.float32)
    random, steps = np.random.default_rng(0), count()

    def step() -> None:
        t = next(steps)
        rows = random.permutation(len(images))[:batch]
        _, dy = loss(np, net.forward(images[rows], At(0, t)), table[labels[rows]])
        net.backward(dy)
        optimizer.step(0.001, t + 1)

    return step


def torch_step(model: str, shape: tuple[int, ...], batch: int, activation: str) -> Callable[[], None]:
    images, labels = data(shape, batch)
    h, w, c = shape
    arch = resolve(read_arch(MODELS[model].text(c)), activation=activation, norm="batch", dropout=0.3, outputs=10)
    module = torch.nn.Sequential(*make_module(arch, (c, h, w)).children()).to(memory_format=torch.channels_last)
    x = torch.from_numpy(images).permute(0, 3, 1, 2)  # channels last in memory
    labels_ = torch.from_numpy(labels)
    optimizer, loss = torch.optim.Adam(module.parameters(), 0.001, fused=True), torch.nn.CrossEntropyLoss()

    def step() -> None:
        rows = torch.randperm(len(x))[:batch]
        optimizer.zero_grad()
        loss(module(x[rows]), labels_[rows]).backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    main(sys.argv[1:])
