"""A deferred net, as on a GPU, is told step after step: nobody waits within an epoch, and the bits are the same."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from conftest import bits, stop_at, tiny
from fairtrial.engine import torch_net
from fairtrial.parts.datasets import load
from fairtrial.parts.optimizers import OPTIMIZERS
from fairtrial.runner import begin, make_plan, run
from fairtrial.spec.recipe import Recipe
from fairtrial.store import MemoryStore
from fairtrial.train.loop import advance, train

CNN = "conv 4, norm, act, pool, flatten, dropout, linear 16, norm, act, linear classes"
BLOWS_UP: dict[str, Any] = {
    "schedule": "step 1 1e35",
    "lr": 0.01,
    "batch": 32,
}  # in step 38; events fall on every fourth
SETTINGS: list[dict[str, Any]] = [
    {"clip": 0.5, "l1": 1e-4, "l2": 1e-4, "batch": 32},
    {"clip": 5.0, "precision": "float64"},
    {"augment": "alternating-flip, shift 2, cutout 3, crop 1", "average": "ema 0.9", "input": "standardise"},
    {"optimizer": "muon", "average": "lookahead 3 0.5", "precision": "bf16", "score_every": 3},
    {"loss": "mae", "targets": "number", "input": "pca 20", "model": "linear 8, act, linear classes"},
    *({"optimizer": name, "lr": 0.01} for name in OPTIMIZERS),
    {**BLOWS_UP, "optimizer": "nesterov", "average": "lookahead 2"},
    {**BLOWS_UP, "optimizer": "rmsprop", "save_every": 7},
    {**BLOWS_UP, "optimizer": "muon", "average": "ema"},
]


def made(**fields: Any) -> Recipe:
    return tiny(**{"engine": "torch", "device": "cpu", "model": CNN, **fields})


@pytest.fixture
def deferred(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called, the CPU is taken for a device that is told step after step."""
    return lambda: monkeypatch.setattr(torch_net, "DEFERRED", ("cpu",))


class Asking(TorchDispatchMode):
    """Notes operators whose result, or its shape, has to be known on the host."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func._schema.name in ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal"):
            self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


class Copying(TorchFunctionMode):
    """Notes copies between host and device that wait, which on a CPU are none and dispatch does not tell."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.__name__
        if name in ("cpu", "numpy", "tolist") or (name == "__getitem__" and isinstance(args[1], list)):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


@contextmanager
def waits() -> Generator[list[str]]:
    """Everything in the block that waits for the device."""
    seen: list[str] = []
    with Copying(seen), Asking(seen):
        yield seen


def a_job(recipe: Recipe) -> Any:
    return begin(make_plan(recipe), load(recipe.data), MemoryStore(), "one", None, False)


@pytest.mark.parametrize("fields", SETTINGS, ids=str)
def test_no_step_waits_for_the_device(fields: dict[str, Any], deferred: Callable[[], None]) -> None:
    recipe = made(**fields)
    told: list[list[str]] = []
    for _ in range(2):
        job = a_job(recipe)
        table = job.state.net.array(job.plan.criterion.table)
        job.stream.batch(0)  # brings the order of the epoch
        with waits() as seen:
            for _ in range(3):
                advance(recipe, job.state, job.stream, job.plan.criterion, table, recipe.lr)
        told.append(seen)
        deferred()
    assert len(told[0]) >= 9
    assert told[1] == []


def test_longer_epochs_wait_no_more_often(deferred: Callable[[], None]) -> None:
    deferred()
    counts: list[int] = []
    for batch in (58, 29):  # 20 and 40 steps
        with waits() as seen:
            run(made(batch=batch, epochs=1), MemoryStore())
        counts.append(len(seen))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("fields", SETTINGS, ids=str)
def test_the_run_is_the_same_to_the_bit(fields: dict[str, Any], deferred: Callable[[], None]) -> None:
    asked, told = MemoryStore(), MemoryStore()
    one = run(made(**fields), asked)
    deferred()
    two = run(made(**fields), told)
    assert bits(asked, one.name) == bits(told, two.name)
    assert one.end
    assert one.end.reason == ("diverged" if "schedule" in fields else "finished")


def test_a_run_that_is_stopped_goes_on_to_the_same_bits(deferred: Callable[[], None]) -> None:
    deferred()
    recipe, whole, parts = made(batch=32, average="ema"), MemoryStore(), MemoryStore()
    name = run(recipe, whole).name
    run(recipe, parts, watch=stop_at(8))
    assert run(recipe, parts).end
    assert bits(whole, name) == bits(parts, name)


def test_what_is_left_by_a_stop_behind_the_bad_step_is_from_before_it(deferred: Callable[[], None]) -> None:
    deferred()
    recipe = made(**BLOWS_UP, optimizer="nesterov", average="ema")
    job = a_job(recipe)
    stopped: list[int] = []

    def stop() -> bool:
        stopped.extend([job.state.step] * (job.state.step == 39))
        return bool(stopped)

    assert [event.step for event in train(recipe, job.state, job.stream, job.plan.criterion, stop=stop)][-1] == 36
    assert stopped == [39]
    assert job.state.step == 37
    state = [*job.state.net.tensors().values(), *job.state.optimizer.tensors().values(), *job.state.slow.values()]
    assert all(np.isfinite(np.asarray(values)).all() for values in state)
    assert np.isfinite(job.state.sums.loss)
