"""Workers of loaders: which random streams they draw from, and where each stream began."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fairtrial.doctor.lines import listing
from fairtrial.doctor.observations import Drawn, Lineage
from fairtrial.doctor.watched.part import Part

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

RECORDS = 65_536  # bytes that are read in the end


class Workers(Part):
    """What worker processes say of their streams, each through a pipe, once its first batch is made."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.pipe: tuple[int, int] | None = None
        self.loaders: dict[int, tuple[int, str | None]] = {}  # by their datasets, which forked workers share

    def on_loader(self, loader: Any, serial: int, where: str | None, base: Any) -> None:
        """A loader is iterated for the first time."""
        if loader.num_workers > 0:
            self.loaders[id(loader.dataset)] = serial, where
            several = (loader.worker_init_fn, type(base), inspect.getmodule(type(base)))
            lines = tuple(line for one in several for line in listing(one))
            self.watch.note(Lineage(step=self.watch.steps, where=where, about="worker", lines=lines))

    def before(self) -> None:
        """Workers are about to be made."""
        if self.pipe is None:
            self.pipe = os.pipe()
            for end in self.pipe:
                os.set_blocking(end, False)

    def inside(self, given: dict[str, Any]) -> None:
        """In a worker that was forked: its streams are looked at before and after its first batch."""
        if self.pipe is None or os.getpid() == self.watch.process:
            return
        dataset, worker, end = given["dataset"], given["worker_id"], self.pipe[1]
        begin, collate = given["init_fn"], given["collate_fn"]
        begun: dict[str, str] = {}

        def initialised(number: int) -> None:
            if begin is not None:
                begin(number)
            begun.update(streams(dataset))

        def collated(items: Any) -> Any:
            if begun:
                now = streams(dataset)
                moved = " ".join(f"{name}={state}" for name, state in begun.items() if now.get(name) != state)
                begun.clear()
                with contextlib.suppress(OSError):
                    os.write(end, f"{id(dataset)} {worker} {moved}\n".encode())
            return collate(items)

        given["init_fn"], given["collate_fn"] = initialised, collated

    def finish(self) -> None:
        """What the workers said."""
        if self.pipe is None:
            return
        told = b""
        with contextlib.suppress(OSError):
            told = os.read(self.pipe[0], RECORDS)
        for end in self.pipe:
            os.close(end)
        self.pipe = None
        for record in told.decode().splitlines():
            dataset, worker, *streams = record.split(" ")
            if int(dataset) in self.loaders:
                loader, where = self.loaders[int(dataset)]
                pairs = tuple((name, state) for name, _, state in (one.partition("=") for one in streams if one))
                self.watch.note(
                    Drawn(step=self.watch.steps, where=where, loader=loader, worker=int(worker), streams=pairs)
                )


def streams(dataset: Any) -> dict[str, str]:
    """The states of torch's, NumPy's and Python's streams, and of generators that a dataset holds or sees."""
    found: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "random": random.getstate(),
    }
    while dataset is not None:
        held = dict(vars(dataset)) if hasattr(dataset, "__dict__") else {}
        inner = [one for one in held.values() if hasattr(one, "__dict__") and not isinstance(one, type)]
        reading = getattr(type(dataset), "__getitem__", None) or getattr(type(dataset), "__iter__", None)
        seen = getattr(reading, "__globals__", {})
        for names in (held, *map(vars, inner), seen):
            found |= {name: state for name, one in names.items() if (state := _state(one)) is not None}
        dataset = held.get("dataset")
    return {name: hashlib.sha256(_bytes(state)).hexdigest()[:16] for name, state in found.items()}


def _state(one: object) -> Any:
    if isinstance(one, np.random.Generator):
        return one.bit_generator.state
    if isinstance(one, torch.Generator | np.random.RandomState):
        return one.get_state()
    return one.getstate() if isinstance(one, random.Random) else None


def _bytes(state: Any) -> bytes:
    return state.numpy().tobytes() if isinstance(state, torch.Tensor) else repr(state).encode()
