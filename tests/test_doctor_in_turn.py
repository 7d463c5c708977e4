"""Models and optimizers in turn, inputs that come twice by chance, and what is said where nothing can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

import fairtrial as ft
from fairtrial.doctor.findings import Diagnosis
from fairtrial.doctor.told import as_text
from fairtrial.doctor.watched.inputs import by_chance


def learn(model: Callable[[torch.Tensor], torch.Tensor], parameters: list[nn.Parameter], steps: int = 12) -> None:
    x, y = torch.randn(64, 6), torch.randint(0, 3, (64,))
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()


def test_a_new_optimizer_is_one_of_the_same_training_only_where_the_weights_go_on() -> None:
    def told(anew: bool) -> bool:
        model = nn.Linear(6, 3)
        with ft.watch() as seen:
            for _ in range(4):
                if anew:
                    model.reset_parameters()
                learn(model, list(model.parameters()))
        return "optimizer-recreated" in {one.fault for one in seen.findings}

    assert told(anew=False)
    assert not told(anew=True)


def test_short_inputs_come_twice_by_chance_and_long_or_fine_ones_do_not() -> None:
    rng = np.random.default_rng(0)
    drawn = np.unique(rng.integers(0, 4, (500, 5)), axis=0).astype(float)
    share = by_chance(drawn, 300)
    assert 0.6 * (1 - (1 - 4**-5) ** 300) < share < 1.5 * (1 - (1 - 4**-5) ** 300)
    assert by_chance(rng.integers(0, 4, (500, 60)).astype(float), 300) < 1e-6
    assert by_chance(rng.normal(size=(500, 3)), 300) == 0


def test_what_is_inside_vmap_is_left_alone_and_said_in_words() -> None:
    nets = [nn.Linear(6, 3) for _ in range(2)]
    stacked, buffers = torch.func.stack_module_state(nets)

    def forward(own: dict[str, torch.Tensor], held: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(nets[0], (own, held), (x,)).softmax(-1)

    with ft.watch() as seen:
        torch.vmap(forward, in_dims=(0, 0, None))(stacked, buffers, torch.randn(8, 6))
    assert [note for note in seen.notes if "vmap" in note]
    assert not [note for note in seen.notes if "failed" in note]


def test_a_plain_list_is_a_dataset() -> None:
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    rows: Any = [(torch.randn(6), n % 3) for n in range(40)]
    with ft.watch() as seen:
        for x, y in DataLoader(rows, batch_size=8):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    assert not [note for note in seen.notes if "failed" in note]


def test_nothing_found_is_no_all_clear() -> None:
    said = as_text(Diagnosis((), ("non-finite",), ()))
    assert said.startswith("no fault found of those checked")
    assert "wrong mask" in said
