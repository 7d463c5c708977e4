"""What is said of a net's size is what the engines hold."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import pytest

from conftest import tiny
from fairtrial.costs import cost, sizes
from fairtrial.parts.memory import outputs
from fairtrial.parts.optimizers import OPTIMIZERS
from fairtrial.runner import run
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.events import Fitted, Scored
from fairtrial.store import MemoryStore, generations


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    return MemoryStore()


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_parameters_and_slots_are_those_of_the_saved_state(optimizer: str, store: MemoryStore) -> None:
    from fairtrial.train.state import read_state

    record = run(tiny(optimizer=optimizer, epochs=1), store)
    newest = generations(store, record.name)[0]
    state = read_state(store.get(record.name, newest) or b"", newest)
    saved = sum(tensor.size for name, tensor in state.tensors.items())
    parameters, memory = sizes(record)
    assert parameters == sum(tensor.size for name, tensor in record.weights().items() if name[:6] != "input/")
    batch = record.recipe.batch * (64 + outputs(read_arch(record.made["arch"]), (1, 8, 8)))
    assert memory is not None
    assert memory // 4 - batch - parameters == saved  # but for gradients, which no state holds


def test_outputs_count_each_layer_once_and_residuals_inside_too() -> None:
    block = "residual(conv 4, relu | conv 4 1)"
    assert outputs(read_arch("conv 4, relu, flatten, linear 10"), (1, 8, 8)) == 2 * 4 * 64 + 10
    assert outputs(read_arch(block), (1, 8, 8)) == (1 + 2 + 1) * 4 * 64


def test_time_and_rate_are_sums_over_all_runs(store: MemoryStore) -> None:
    records = [run(tiny(seed=seed), store) for seed in range(2)]
    made = cost(records)
    fitted = [{e.epoch: e for e in r.events if isinstance(e, Fitted)}.values() for r in records]
    fit = sum(e.fit_seconds for events in fitted for e in events)
    score = sum(e.score_seconds for r in records for e in r.events if isinstance(e, Scored))
    assert made.seconds == pytest.approx(fit + score)
    images = sum(r.made["data"]["counts"]["train"] * len(r.epochs) for r in records)
    assert made.images_per_second == pytest.approx(images / fit)


def test_what_is_not_known_is_none(store: MemoryStore) -> None:
    begun = replace(run(tiny(), store), events=())
    assert cost([begun]).images_per_second is None
    assert cost([]).parameters is None


def test_a_module_of_ones_own_is_counted_by_its_weights() -> None:
    import torch

    def net() -> torch.nn.Module:
        return torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 10)
        )

    record = run(tiny(engine="torch", epochs=1), MemoryStore(), module=net)
    assert sizes(record) == (sum(prod(p.shape) for p in net().parameters()), None)
