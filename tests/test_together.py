"""Runs that go through their steps in one program come to the bits that each comes to alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from conftest import Look, bits, stop_at, tiny
from fairtrial.engine.stacked import PASSES
from fairtrial.engine.torch_net import TorchNet
from fairtrial.parts.datasets.dataset import Dataset, Split
from fairtrial.parts.inputs import make_input
from fairtrial.runner import as_json, run
from fairtrial.spec.events import Ended, Event
from fairtrial.spec.recipe import Recipe
from fairtrial.store import MADE, MemoryStore
from fairtrial.together import LAYERS, alike, run_together
from fairtrial.train.stack import Trial, batches
from fairtrial.train.stream import make_stream

WIDE = "flatten, linear 32, norm, act, dropout 0.3, linear 16, silu, linear classes"
RULES = ("adam", "rmsprop", "adagrad", "nesterov", "sgd", "adamw")
# Each holds several of what a run may have; batches of 256 leave a last one of 126
KINDS: dict[str, dict[str, Any]] = {
    "batch norm, dropout, penalties": {"model": WIDE, "l1": 1e-4, "l2": 1e-3, "score_every": 2, "keep": "all"},
    "average, one-cycle, augmentation": {
        "average": "ema 0.9", "schedule": "warmup 3, cosine", "augment": "shift 1", "input": "standardise",
        "save_every": 3, "label_smoothing": 0.1,
    },
    "lookahead, early stopping": {
        "average": "lookahead 3", "patience": 1, "min_delta": 0.2, "epochs": 6, "input": "standardise",
    },
    "regression": {"loss": "huber", "outliers": 0.1, "init": "xavier-normal", "activation": "sigmoid"},
    "double precision": {"precision": "float64", "loss": "mse", "model": WIDE, "activation": "gelu"},
    "log-probabilities": {
        "model": "flatten, linear 20, tanh, linear classes, log-softmax", "loss": "nll",
    },
}  # fmt: skip


def several(**fields: Any) -> list[Recipe]:
    """Two seeds of each rule; the rates differ too."""
    made = {"engine": "torch", "lr": 0.01, **fields}
    return [
        tiny(**{**made, "optimizer": rule, "seed": seed, "lr": made["lr"] * (1 + place % 2)})
        for place, rule in enumerate(RULES) for seed in (3, 4)
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack is used if it is exact: which way was quicker on a busy machine is left to chance."""
    monkeypatch.setattr(Trial, "pays", property(lambda trial: trial.same))


def alone_in(store: MemoryStore, name: str) -> dict[str, bytes]:
    """The run's bits, but for the note that it was made together with others."""
    made = json.loads(store.get(name, MADE) or b"")
    made.pop("together", None)
    return {**bits(store, name), MADE: as_json(made)}


def interleaved(events: list[Event]) -> bool:
    """Whether no event came before one of an earlier step: of runs one after the other many do."""
    steps = [event.step for event in events if not isinstance(event, Ended)]
    return steps == sorted(steps)


@pytest.mark.parametrize("kind", KINDS)
def test_each_run_comes_to_the_bits_it_comes_to_alone(kind: str) -> None:
    recipes = several(**KINDS[kind])
    together, alone, look = MemoryStore(), MemoryStore(), Look()
    records = run_together(recipes, together, watch=look)
    assert interleaved(look.events)
    assert set(records) == set(recipes)
    for recipe, ours in records.items():
        theirs = run(recipe, alone)
        assert ours.name == theirs.name
        assert json.loads(together.get(ours.name, MADE) or b"")["together"] == len(recipes)
        assert alone_in(together, ours.name) == bits(alone, theirs.name)


@pytest.mark.parametrize("step", [1, 4, 7])
def test_runs_that_are_stopped_go_on_together_or_alone_to_the_same_bits(step: int) -> None:
    recipes = several(**KINDS["average, one-cycle, augmentation"])[:4]
    store, alone = MemoryStore(), MemoryStore()
    stopped = run_together(recipes, store, watch=stop_at(step))
    assert [record.end for record in stopped.values()] == [None] * 4
    run(recipes[2], store)
    run_together(recipes, store)
    for recipe in recipes:
        assert alone_in(store, run(recipe, store).name) == bits(alone, run(recipe, alone).name)


def test_a_run_that_diverges_leaves_the_others_alone() -> None:
    recipes = [*several()[:3], several()[3].but(lr=1e30, optimizer="sgd")]
    together, alone, look = MemoryStore(), MemoryStore(), Look()
    records = run_together(recipes, together, watch=look)
    assert interleaved(look.events)
    ended = [records[recipe].end for recipe in recipes]
    assert ended == [run(recipe, alone).end for recipe in recipes]
    assert [end.reason for end in ended if end] == ["finished"] * 3 + ["diverged"]


def test_of_what_cannot_be_stacked_the_first_is_made_alone() -> None:
    impossible = {"model": "conv 2, pool, flatten, linear classes"}, {"loss": "mse", "targets": "number"}, {"clip": 0.1}
    for fields in impossible:
        recipes = [tiny(**{"engine": "torch", "seed": seed, **fields}) for seed in (1, 2)]
        records = run_together(recipes, MemoryStore())
        assert list(records) == recipes[:1]
        assert all(record.end for record in records.values())


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["unit", "standardise", "pca 5"])
def test_batches_of_a_stack_are_those_of_its_streams(kind: str, channels: int) -> None:
    random, courses = np.random.default_rng(0), list[Any]()
    images = random.integers(0, 256, (50, 6, 4, channels), dtype=np.uint8)
    for seed in range(3):
        recipe = tiny(engine="torch", seed=seed, input=kind, batch=8)
        rows = random.permutation(50)
        fitted = {name: each.astype(np.float32) for name, each in make_input(kind).fit(images[rows[:30]]).items()}
        net = TorchNet(nn.Linear(1, 1), "float32", "cpu")
        data = Dataset("some", images, random.integers(0, 4, 50), ("a", "b", "c", "d"), 40, "")
        stream = make_stream(recipe, data, Split(rows[:30], rows[30:40], rows[40:]), net, fitted)
        courses.append(SimpleNamespace(stream=stream, state=SimpleNamespace(step=5)))
    x, labels = batches(courses)
    for k, course in enumerate(courses):
        alone, named = course.stream.batch(5)
        assert torch.equal(x[k], alone)
        assert torch.equal(labels[k], named)


def test_what_may_be_alike_is_what_a_stack_can_pass() -> None:
    assert set(LAYERS) == set(PASSES)


def test_the_benches_run(tmp_path: Path) -> None:
    bench = Path(__file__).parent.parent / "bench"
    small = ["--rates", "1", "--seeds", "2", "--repeats", "1", "--nets", "linear, digits"]
    for words in (["together.py", *small], ["many.py", "--nets", "5", "--alone", "2", "epochs=1"]):
        command = [sys.executable, str(bench / words[0]), *words[1:]]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        assert "times as fast" in done.stdout
        assert "OTHER" not in done.stdout


def test_only_recipes_of_one_shape_are_alike() -> None:
    recipe = tiny(engine="torch")
    same = [recipe.but(seed=7, lr=3.0, optimizer="sgd", l2=0.1, schedule="cosine", init="zeros")]
    other = [
        recipe.but(**fields)
        for fields in ({"batch": 64}, {"epochs": 3}, {"loss": "mse"}, {"threads": 2}, {"valid": 0.1})
    ]
    never = [
        recipe.but(**fields)
        for fields in (
            {"clip": 1.0},
            {"schedule": "plateau"},
            {"optimizer": "muon"},
            {"engine": "numpy"},
            {"precision": "bf16"},
        )
    ]
    assert {alike(each) for each in same} == {alike(recipe)}
    assert alike(recipe) not in {alike(each) for each in other}
    assert {alike(each) for each in never} == {""}
