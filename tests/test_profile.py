"""Where a run's time goes: the parts are all of it, the work is what paper says, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from xml.etree import ElementTree

import pytest
from torch import nn

from conftest import Look, bits, fairtrial, tiny
from fairtrial.report.profile import profile, training_work
from fairtrial.runner import Clock, run
from fairtrial.spec.arch_text import read_arch
from fairtrial.store import MemoryStore


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_the_parts_add_up_to_the_call_and_change_no_bit(engine: str) -> None:
    recipe, watched, alone = tiny(engine=engine, epochs=4), MemoryStore(), MemoryStore()
    seen: list[float] = []
    began, clock = perf_counter(), Clock()
    record = run(recipe, watched, clock=clock, watch=Look(lambda event: seen.append(perf_counter())))
    assert sum(clock.seconds.values()) == pytest.approx(seen[-1] - began, rel=0.01, abs=0.01)
    assert all(seconds > 0 for seconds in clock.seconds.values())
    assert clock.images == 4 * record.made["data"]["counts"]["train"]
    run(recipe, alone)
    assert bits(watched, record.name) == bits(alone, record.name)


def test_the_work_is_what_one_counts_on_paper() -> None:
    # System A on MNIST, multiply-adds of one image: 28 28 10 9 + 14 14 32 90 + 1568 100 + 100 10 forward, as many for
    # the weights, and but for the first layer as many for the inputs.
    net = read_arch("conv 10, pool, relu, conv 32, pool, relu, flatten, linear 100, relu, linear 10")
    first, others = 28 * 28 * 10 * 9, 14 * 14 * 32 * 90 + 1568 * 100 + 100 * 10
    assert training_work(net, (1, 28, 28)) == 2 * first + 3 * others


def test_a_module_of_ones_own_has_a_profile_without_its_work() -> None:
    def net() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

    clock = Clock()
    record = run(tiny(engine="torch"), MemoryStore(), module=net, clock=clock)
    made = profile(record, clock.seconds, clock.images, clock.rate)
    assert made.plain()["operations_per_image"] is None
    assert made.plain()["machine_operations_per_second"] > 1e6
    assert "own layers only" in made.said()


def test_the_command_says_where_the_time_went(tmp_path: Path) -> None:
    words = ["run", "flatten, linear 8, act, linear classes", "engine=numpy", "epochs=2", "--profile"]
    shown = fairtrial(*words, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    for part in ("start", "data", "forward", "backward", "optimizer", "evaluation", "disk"):
        assert part in shown.stdout
    assert "GFLOP/s" in shown.stdout
    [folder] = (tmp_path / "runs").glob("flatten*")
    ElementTree.parse(folder / "profile.svg")
    told = json.loads((folder / "profile.json").read_text("utf8"))
    assert set(told) == {
        "seconds", "images", "operations_per_image", "operations_per_second", "machine_operations_per_second",
        "share_of_machine",
    }  # fmt: skip
    again = fairtrial(*words, cwd=tmp_path)
    assert again.returncode == 2
    assert "--from-scratch" in again.stderr
    printed = fairtrial(*words, "--from-scratch", "--json", cwd=tmp_path)
    assert set(json.loads(printed.stdout)["profile"]) == set(told)
    assert fairtrial(*words, "--find-lr", cwd=tmp_path).returncode == 2
