"""The recipe made for a GPU trains on a CPU too, in both engines, and so does the command that measures it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_helpers import REPOSITORY, save_picture
from fairtrial.catalogue import read_base
from fairtrial.runner import run
from fairtrial.spec.events import Fitted
from fairtrial.store import MemoryStore


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 20 noisy pictures each for training, 10 for test."""
    folder = tmp_path_factory.mktemp("data") / "pictures"
    for part, count in (("train", 20), ("test", 10)):
        for seed in range(2 * count):
            save_picture(folder / part / "ab"[seed % 2] / f"{seed}.png", (32, 32), seed=seed)
    return folder


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_the_recipe_makes_steps_and_learns(pictures: Path, engine: str) -> None:
    _, recipe = read_base("cifar-speed")
    precision = "float32" if engine == "numpy" else recipe.precision
    small = recipe.but(data=str(pictures), batch=20, epochs=4, engine=engine, precision=precision, device="cpu")
    record = run(small, MemoryStore())
    losses = [event.scores["running/loss"] for event in record.events if isinstance(event, Fitted)]
    assert record.end
    assert record.end.reason == "finished"
    assert len(losses) == 8
    assert losses[-1] < losses[0]


def test_the_command_prints_both_loops(pictures: Path) -> None:
    words = ["--runs", "2", "--target", "0.1", f"data={pictures}", "device=cpu", "epochs=2", "batch=20"]
    setting = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(REPOSITORY / "bench" / "gpu.py"), *words]
    done = subprocess.run(command, env=setting, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    machine, *rows = done.stdout.splitlines()
    assert "# cpu, torch" in machine
    assert [row.split(" accuracy ")[0].strip() for row in rows] == [
        "fairtrial seed 0", "plain seed 0", "fairtrial seed 1", "plain seed 1", "fairtrial mean", "plain mean",
    ]  # fmt: skip
    assert all("10% after" in row for row in rows)
