"""What tests of whole runs share: tiny recipes on the digits, ways to stop a run, and the bits that must come back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch, not imported yet: the suite has a process for each core
os.environ["FAIRTRIAL_RETRY_SECONDS"] = "0 0 0"

from fairtrial.runner import Quiet
from fairtrial.spec.events import Event
from fairtrial.spec.recipe import Recipe, make_recipe
from fairtrial.store import BEST, EVENTS, MADE, RECIPE, Store, generations

CAMPAIGNS = Path(__file__).parent.parent / "campaigns"
sys.path.insert(0, str(CAMPAIGNS))

from kills import timeless  # noqa: E402

MAIN = [sys.executable, "-c", "from fairtrial.cli import main; main()"]


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Decoded data in a folder of the tests' own, also for processes that they start."""
    before = os.environ.get("FAIRTRIAL_CACHE")
    os.environ["FAIRTRIAL_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    os.environ.pop("FAIRTRIAL_CACHE")
    if before is not None:
        os.environ["FAIRTRIAL_CACHE"] = before


@pytest.fixture(autouse=True, scope="session")
def signals_are_heard() -> None:
    """Also where the tests run in the background of a shell, which has SIGINT ignored by all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def tiny(**fields: Any) -> Recipe:
    """A net of 8 units on the NumPy engine, two epochs of five steps."""
    base = {"model": "flatten, linear 8, act, linear classes", "engine": "numpy", "batch": 256, "epochs": 2}
    return make_recipe({**base, **fields})


@dataclass
class Look(Quiet):
    """Looks on, keeps what it is told, and does something at each event."""

    at_event: Callable[[Event], object] = lambda event: None

    def __post_init__(self) -> None:
        self.said: list[str] = []
        self.events: list[Event] = []
        self.begun: list[str] = []

    def begin(self, name: str, recipe: Recipe, steps: int, done: int) -> None:
        self.begun.append(f"{done}/{steps}")

    def see(self, event: Event) -> None:
        self.events.append(event)
        self.at_event(event)

    def say(self, text: str) -> None:
        self.said.append(text)


def stop_at(step: int, number: signal.Signals = signal.SIGINT) -> Look:
    """Looks on and sends this process a real signal at the first event of that step or a later one."""
    sent: list[int] = []

    def send(event: Event) -> None:
        if event.step >= step and not sent:
            sent.append(step)
            signal.raise_signal(number)

    return Look(send)


def bits(store: Store, name: str) -> dict[str, bytes]:
    """Everything of a run that must come back: its files but the older state, events without their times."""
    files = store.files(name)
    kept = {RECIPE, MADE, BEST, *generations(store, name)[:1], *(f for f in files if f.startswith("epoch-"))}
    return {file: store.get(name, file) or b"" for file in kept} | {EVENTS: timeless(store.get(name, EVENTS) or b"")}


def fairtrial(*words: str, cwd: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, to its end."""
    return subprocess.run(
        [*MAIN, *words], cwd=cwd, text=True, capture_output=True, timeout=100, check=False, **settings
    )
