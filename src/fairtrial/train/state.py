"""The state of a run is its net, its optimizer's memory, and the step; between two steps it can be saved whole."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from fairtrial.engine.net import Net, Optimizer
from fairtrial.spec.arrays import Tensors
from fairtrial.spec.errors import DamagedFile
from fairtrial.spec.tensorfile import pack, unpack

SCHEMA = 1


@dataclass
class Sums:
    """Of the epoch under way, in training mode."""

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
    step: int = 0
    sums: Sums = field(default_factory=Sums)

    def save(self, events: int) -> bytes:
        """A file that holds the state after `events` events."""
        tensors = {f"net/{k}": v for k, v in self.net.tensors().items()}
        tensors |= {f"optimizer/{k}": v for k, v in self.optimizer.tensors().items()}
        return pack(tensors, {"schema": SCHEMA, "step": self.step, "events": events, "sums": asdict(self.sums)})

    def load(self, file: StateFile) -> None:
        """Become the state that was saved."""
        self.net.load(file.part("net/"))
        self.step, self.sums = file.meta["step"], Sums(**file.meta["sums"])
        if self.step:
            self.optimizer.load(file.part("optimizer/"))


@dataclass(frozen=True)
class StateFile:
    """A saved state, its bits checked."""

    tensors: Tensors
    meta: dict[str, Any]

    def part(self, prefix: str) -> Tensors:
        return {name.removeprefix(prefix): v for name, v in self.tensors.items() if name.startswith(prefix)}


def read_state(data: bytes, where: str) -> StateFile:
    """The state in these bytes; DamagedFile if they are not what was written, or newer than this version reads."""
    tensors, meta = unpack(data, where)
    if meta.get("schema") != SCHEMA:
        raise DamagedFile(f"{where}: its schema is {meta.get('schema')}, this version of fairtrial reads {SCHEMA}")
    return StateFile(tensors, meta)
