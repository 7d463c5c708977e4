"""What a watch replaces in torch is as good as the original, and gone afterwards."""

from __future__ import annotations

import gc
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fairtrial.doctor.identity import ByIdentity
from fairtrial.doctor.seams import watching
from fairtrial.doctor.watch import Watch

FUNCTIONS = [torch.tanh, torch.relu, torch.matmul, functional.relu, functional.gelu, functional.linear, Tensor.sigmoid]


@pytest.mark.parametrize("number", range(len(FUNCTIONS)), ids=[one.__name__ for one in FUNCTIONS])
def test_a_model_that_holds_a_function_of_torch_can_be_saved_under_watch(number: int) -> None:
    # Whole models are saved with the functions that they hold, which pickle looks up by their names.
    with watching(Watch()):
        held = [torch.tanh, torch.relu, torch.matmul, functional.relu, functional.gelu, functional.linear]
        function: Callable[..., Any] = [*held, Tensor.sigmoid][number]
        file = io.BytesIO()
        torch.save({"activation": function}, file)
    file.seek(0)
    assert torch.load(file, weights_only=False)["activation"].__name__ == FUNCTIONS[number].__name__


def test_functions_that_a_script_may_compare_stay_the_same_while_it_trains() -> None:
    with watching(Watch()):
        before = [functional.relu, torch.tanh, functional.linear, functional.cross_entropy]
        _train(40)
        assert [functional.relu, torch.tanh, functional.linear, functional.cross_entropy] == before
        pickle.dumps(before)


def test_between_the_steps_that_are_looked_at_methods_of_tensors_are_torchs_own() -> None:
    own = Tensor.sqrt, Tensor.mul_
    watch = Watch()
    with watching(watch):
        assert Tensor.sqrt is not own[0]
        assert Tensor.mul_ is not own[1]
        _train(40)
        assert not watch.marking
        assert (Tensor.sqrt, Tensor.mul_) == own
    assert (Tensor.sqrt, Tensor.mul_) == own
    assert "sqrt" not in vars(Tensor)


def test_what_is_known_of_a_thing_is_forgotten_with_it() -> None:
    known: ByIdentity[int] = ByIdentity()
    kept, gone = torch.ones(2), torch.ones(2)
    known[kept], known[gone] = 1, 2
    assert (known[kept], known.get(gone), known.get(torch.ones(2))) == (1, 2, None)
    del gone
    gc.collect()
    assert list(known.values()) == [1]
    assert kept in known
    assert torch.ones(2) not in known
    with pytest.raises(KeyError):
        known[torch.ones(2)]


def _train(steps: int) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(net.parameters())
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(net(torch.randn(16, 4)), torch.randint(0, 3, (16,))).backward()
        optimizer.step()
