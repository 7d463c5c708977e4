"""The state of a run is its net, what optimizer and average remember, and the step; it can be saved between two."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any

from fairtrial.engine.net import Net, Optimizer
from fairtrial.parts.averages import Average
from fairtrial.spec.arrays import Array, Tensors
from fairtrial.spec.errors import DamagedFile
from fairtrial.spec.tensorfile import pack, unpack
from fairtrial.spec.version import SCHEMA, check_schema, version_of


@dataclass
class Sums:
    """Of the epoch under way, in training mode; of a deferred net on its device until the state settles."""

    loss: float = 0.0  # sum over images
    correct: int = 0
    images: int = 0
    fit_seconds: float = 0.0

    def scores(self) -> dict[str, float]:
        return {"running/loss": self.loss / self.images, "running/accuracy": self.correct / self.images}


@dataclass
class State:
    """Changed by the loop alone, in place; whole whenever the loop yields."""

    net: Net
    optimizer: Optimizer
    average: Average | None = None
    step: int = 0
    sums: Sums = field(default_factory=Sums)

    def __post_init__(self) -> None:
        self.slow: dict[str, Array] = {}
        if self.average:
            copies = {name: self.net.xp.asarray(values, copy=True) for name, values in self._numbers().items()}
            self.slow = {name: values for name, values in copies.items() if "float" in str(values.dtype)}
        self.mark()

    def follow(self) -> None:
        """Let the average follow the step just made."""
        if self.average:
            numbers = self._numbers()
            for name, slow in self.slow.items():
                self.average(slow, numbers[name], self.step)

    def mark(self) -> None:
        """Remember what a deferred net is now, on its device; it comes back to that if a step turns out to be bad."""
        self.unseen = 0.0  # sum of losses and gradient norms since then: not finite once one of them is not
        if self.net.deferred:
            copies = [self.net.xp.asarray(values, copy=True) for values in self.changing().values()]
            self._marked = self.step, replace(self.sums), copies

    def settle(self) -> bool:
        """Read what a deferred net has summed up. Where that is not finite, be again what was marked: False.

        From then on each step is waited for, so that the bad one is found when it is made again.
        """
        if not self.net.deferred:
            return True
        self.sums.loss, self.sums.correct = float(self.sums.loss), int(self.sums.correct)
        if isfinite(self.unseen):
            return True
        self.step, self.sums, copies = self._marked
        for values, before in zip(self.changing().values(), copies, strict=True):
            values[...] = before
        self.net.deferred = False
        return False

    def changing(self) -> dict[str, Array]:
        """All arrays that a step changes, by name."""
        slow = {f"average/{name}": values for name, values in self.slow.items()}
        return {**self._numbers(), **self.optimizer.memory, **slow}

    @contextmanager
    def averaged(self) -> Generator[None]:
        """The net with its averaged numbers, for as long as it is looked at."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        numbers = self._numbers()
        for name, slow in self.slow.items():
            before = self.net.xp.asarray(slow, copy=True)
            slow[...] = numbers[name]
            numbers[name][...] = before

    def _numbers(self) -> dict[str, Array]:
        return {**self.net.params, **self.net.buffers}

    def save(self, events: int) -> bytes:
        """A file that holds the state after `events` events."""
        tensors = {f"net/{k}": v for k, v in self.net.tensors().items()}
        tensors |= {f"optimizer/{k}": v for k, v in self.optimizer.tensors().items()}
        tensors |= {f"average/{k}": self.net.numpy(v).copy() for k, v in self.slow.items()}
        written = {"schema": SCHEMA, "fairtrial": version_of("fairtrial")}
        return pack(tensors, {**written, "step": self.step, "events": events, "sums": asdict(self.sums)})

    def load(self, file: StateFile) -> None:
        """Become the state that was saved."""
        self.net.load(file.part("net/"))
        self.step, self.sums = file.meta["step"], Sums(**file.meta["sums"])
        for name, values in file.part("average/").items():
            self.slow[name][...] = self.net.array(values)
        if self.step:
            self.optimizer.load(file.part("optimizer/"))
        self.mark()


@dataclass(frozen=True)
class StateFile:
    """A saved state, its bits checked."""

    tensors: Tensors
    meta: dict[str, Any]

    def part(self, prefix: str) -> Tensors:
        return {name.removeprefix(prefix): v for name, v in self.tensors.items() if name.startswith(prefix)}


def read_state(data: bytes, where: str) -> StateFile:
    """The state in these bytes; DamagedFile if they are not what was written, NewerVersion if another wrote them."""
    tensors, meta = unpack(data, where)
    check_schema(meta, meta.get("fairtrial"), where)
    if meta.get("schema") != SCHEMA:
        raise DamagedFile(f"{where}: its schema is {meta.get('schema')}, this version of fairtrial reads {SCHEMA}")
    return StateFile(tensors, meta)
