"""Who takes part, and the rounds in which all of them are timed in turn."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Generator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch

from contenders.job import Job
from fairtrial.parts.datasets import load
from fairtrial.runner import make_plan
from fairtrial.spec.arch import text
from loop import small

HERE = Path(__file__).parent
OURS = "fairtrial"
TESTED = 2000  # images of the test part, drawn at random: 500 in a row may all be of one class
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
NO_GPU = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}


@dataclass(frozen=True)
class Entry:
    """A contender's libraries beside torch, and what its process is told."""

    libraries: tuple[str, ...] = ()
    setting: tuple[tuple[str, str], ...] = ()

    @property
    def is_here(self) -> bool:
        return all(importlib.util.find_spec(library) for library in self.libraries)


FIELD = {
    OURS: Entry(),
    "fairtrial-numpy": Entry(),
    "plain": Entry(),
    "tutorial": Entry(),
    "lightning": Entry(("lightning",)),
    "skorch": Entry(("skorch",)),
    "keras-torch": Entry(("keras",), (("KERAS_BACKEND", "torch"),)),
    "keras-jax": Entry(("keras", "jax"), (("KERAS_BACKEND", "jax"),)),
    "jax-epoch": Entry(("jax", "optax")),
    "jax-step": Entry(("jax", "optax")),
}


class Lost(Exception):
    """A contender's process ended before it answered."""


class Racer:
    """The process of a contender; it works only while the parent waits for its answer."""

    def __init__(self, name: str, job: Job) -> None:
        self.log = Path(job.folder) / f"{name}.log"
        setting = {**os.environ, **ONE_THREAD, **NO_GPU, **dict(FIELD[name].setting), "PYTHONPATH": str(HERE.parent)}
        words = [sys.executable, "-m", "contenders.child", name, json.dumps(asdict(job))]
        pipe = subprocess.PIPE
        with self.log.open("w") as log:
            self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=log, text=True, env=setting)

    def ask(self, what: str) -> Any:
        """What it answers to `epoch` or `score`."""
        assert self.process.stdin
        assert self.process.stdout
        with contextlib.suppress(BrokenPipeError):
            print(what, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise Lost((self.log.read_text("utf8").strip().splitlines() or ["no word"])[-1])
        return json.loads(answer)

    def end(self) -> None:
        """Close the line, and wait."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate()


def machine() -> dict[str, Any]:
    """The CPU, its flags that matter here, and the rate of its own large matrix product on one thread."""
    info = Path("/proc/cpuinfo")  # not on every system
    pairs = [line.split(":", 1) for line in info.read_text().splitlines() if ":" in line] if info.exists() else []
    lines = {key.strip(): value.strip() for key, value in pairs}
    flags = [flag for flag in lines.get("flags", "").split() if flag.startswith(("avx", "amx", "fma"))]
    torch.set_num_threads(1)
    a, times = torch.ones(2048, 2048), []
    for _ in range(6):
        began = perf_counter()
        torch.mm(a, a)
        times.append(perf_counter() - began)
    cpu = lines.get("model name") or platform.processor() or platform.machine()
    rate = 2 * len(a) ** 3 / sorted(times)[len(times) // 2] / 1e9
    return {"cpu": cpu, "cores": os.cpu_count(), "flags": flags, "threads": 1, "sgemm_gflops": round(rate, 1)}


def versions() -> dict[str, str]:
    """Of what is here."""
    known = {"fairtrial", "torch", "numpy", *(name for entry in FIELD.values() for name in entry.libraries)}
    return {"python": platform.python_version()} | {n: version(n) for n in sorted(known) if importlib.util.find_spec(n)}


@contextlib.contextmanager
def job_of(net: str, images: int) -> Generator[Job]:
    """The net's job, its images in a folder that is removed at the end."""
    recipe, data = small(net, images)
    split, everything = data.split(0, 2000), load(recipe.data)
    rows = np.random.default_rng(0).permutation(np.arange(everything.test_from, len(everything.labels)))[:TESTED]
    parts = {"train": (data, split.train), "valid": (data, split.valid), "test": (everything, rows)}
    layers = text(make_plan(recipe).arch)
    with tempfile.TemporaryDirectory() as folder:
        for part, (source, index) in parts.items():
            np.save(f"{folder}/{part}.npy", source.images[index])
            np.save(f"{folder}/{part}-labels.npy", source.labels[index].astype(np.int64))
        yield Job(net, layers, images, recipe.batch, recipe.lr, "mean-std" in recipe.input, folder)


def race(net: str, images: int, repeats: int, names: list[str]) -> dict[str, dict[str, Any]]:
    """Raw seconds of every contender: of its first epoch from the start of its process, then of one a round."""
    with job_of(net, images) as job:
        racers: dict[str, Racer] = {}
        told: dict[str, dict[str, Any]] = {}
        try:
            for name in names:
                began = perf_counter()
                racers[name] = Racer(name, job)
                with leaving_out(name, net, told):
                    racers[name].ask("epoch")
                    told[name] = {"warm_up": perf_counter() - began, "steps": [], "epoch": []}
            for place in range(repeats):
                for name in list(told)[:: -1 if place % 2 else 1]:
                    with leaving_out(name, net, told):
                        steps, epoch = racers[name].ask("epoch")
                        told[name]["steps"].append(steps)
                        told[name]["epoch"].append(epoch)
            for name in list(told):
                with leaving_out(name, net, told):
                    told[name]["accuracy"] = racers[name].ask("score")
        finally:
            for racer in racers.values():
                racer.end()
    return told


@contextlib.contextmanager
def leaving_out(name: str, net: str, told: dict[str, Any]) -> Generator[None]:
    """A contender that is lost is left out with its last words; without ours there is nothing to compare with."""
    try:
        yield
    except Lost as error:
        if name == OURS:
            raise SystemExit(f"{name} on {net}: {error}") from error
        told.pop(name, None)
        print(f"{name} is left out on {net}: {error}", flush=True)
