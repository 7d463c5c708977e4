"""What a run's time is spent on; a lap of a clock ends each piece of work."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from types import FrameType
from typing import TypeAlias

import numpy as np

from fairtrial.engine.net import Net

Lap: TypeAlias = Callable[[str], None]
PARTS = ("start", "data", "forward", "backward", "optimizer", "evaluation", "disk")
SIZE, PRODUCTS = 1024, 5  # rows and columns of the matrices that the machine is measured by, and how often


class Awake:
    """Seconds, but for those in which the process was stopped (SIGSTOP, Ctrl-Z).

    When it stopped is not known: all since the last reading is left out, so that a step or a scoring may be missing.
    """

    def __init__(self) -> None:
        self.last, self.lost = perf_counter(), 0.0

    def __call__(self) -> float:
        self.last = perf_counter()
        return self.last - self.lost

    def go_on(self, number: int, frame: FrameType | None) -> None:
        """The handler of SIGCONT."""
        now = perf_counter()
        self.last, self.lost = now, self.lost + now - self.last


awake = Awake()


def untimed(part: str) -> None:
    """Where nobody wants to know."""


class Clock:
    """Seconds of a run by the parts of its work, from when the clock is made.

    On a GPU each lap waits until the device is done: the parts are then what they cost, and the run as a whole takes
    longer than it would without a clock.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = dict.fromkeys(PARTS, 0.0)
        self.images = 0  # in training steps
        self.rate = 0.0  # multiply-adds a second of the machine's own matrix product
        self.wait: Callable[[], None] = lambda: None
        self.last = awake()

    def lap(self, part: str) -> None:
        """All since the last lap was spent on this part."""
        self.wait()
        now = awake()
        self.seconds[part] += now - self.last
        self.last = now

    def measure(self, net: Net) -> None:
        """How fast this machine multiplies two large matrices, with the net's numbers, threads and device."""
        a = net.array(np.ones((SIZE, SIZE), np.float32))
        times: list[float] = []
        for _ in range(PRODUCTS + 1):  # the first one warms up
            began = perf_counter()
            net.product(a, a)
            net.wait()
            times.append(perf_counter() - began)
        self.rate = SIZE**3 / sorted(times[1:])[PRODUCTS // 2]
