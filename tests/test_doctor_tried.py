"""Trying a fix: the first steps of real trainings, made again from the same state."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from fairtrial.doctor.findings import Diagnosis, finding
from fairtrial.doctor.observations import Tried
from fairtrial.doctor.seams import watching
from fairtrial.doctor.symptoms.everything import diagnose
from fairtrial.doctor.symptoms.tried import confirmed, found_by_trying
from fairtrial.doctor.watch import Watch
from fairtrial.doctor.watched.tape import CHANGES, STEPS, Change

Build = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
OPTIMIZERS: dict[str, Build] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-2, amsgrad=True),
    "adamw": lambda p: torch.optim.AdamW([{"params": p[:1], "lr": 1e-3}, {"params": p[1:]}], lr=1e-2),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=1e-2),
}


def points() -> tuple[Tensor, Tensor]:
    """Three clouds that a line can hardly tell apart: distances from the middle."""
    torch.manual_seed(5)
    x = torch.randn(600, 6)
    return x, (x.norm(dim=1) * 1.5 - 2).long().clamp(0, 2)


def trained(build: Build, epochs: int = 4, scheduled: bool = False) -> tuple[Watch, nn.Module]:
    """A usual loop under watch, and its net."""
    x, y = points()
    watch = Watch()
    with watching(watch):
        net = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
        optimizer = build(list(net.parameters()))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=80) if scheduled else None
        for _ in range(epochs):
            for rows in torch.randperm(600).split(30):
                optimizer.zero_grad()
                functional.cross_entropy(net(x[rows]), y[rows], label_smoothing=0.1).backward()
                optimizer.step()
                if schedule:
                    schedule.step()
    return watch, net


@pytest.mark.parametrize("scheduled", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_tape_plays_to_the_bit_what_was_recorded(name: str, scheduled: bool) -> None:
    watch, _ = trained(OPTIMIZERS[name], scheduled=scheduled)
    turns = watch.tape.turns
    assert len(turns) == 80
    assert watch.tape.again(Change("nothing")) == [turn.value for turn in turns]


def test_trying_leaves_weights_modes_gradients_and_streams_alone() -> None:
    watch, net = trained(lambda p: torch.optim.SGD(p, lr=300.0))
    before, gradients = (
        copy.deepcopy(net.state_dict()),
        [p.grad.clone() for p in net.parameters() if p.grad is not None],
    )
    stream = torch.get_rng_state()
    watch.finish()
    assert any(one.fault == "lr-too-high" for one in watch.journal if isinstance(one, Tried))
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values(), strict=True))
    assert all(torch.equal(a, p.grad) for a, p in zip(gradients, net.parameters(), strict=True) if p.grad is not None)
    assert torch.equal(stream, torch.get_rng_state())
    assert net.training


def told(watch: Watch) -> Diagnosis:
    """The diagnosis of a training that is over."""
    watch.finish()
    return diagnose(watch.journal)


@pytest.mark.parametrize(
    ("kind", "rate", "fault"),
    [
        (torch.optim.SGD, 300.0, "lr-too-high"),
        (torch.optim.Adam, 3.0, "lr-too-high"),
        (torch.optim.SGD, 1e-6, "lr-too-low"),
        (torch.optim.AdamW, 1e-7, "lr-too-low"),
    ],
)
def test_a_wrong_rate_fails_since_another_one_mends_it(
    kind: type[torch.optim.SGD | torch.optim.Adam], rate: float, fault: str
) -> None:
    first = told(trained(lambda p: kind(p, lr=rate))[0]).findings[0]
    assert (first.fault, first.level) == (fault, "fail")
    assert "tried: with" in first.evidence
    assert first.where
    assert first.where.startswith("tests/test_doctor_tried.py")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_usual_rates_are_left_alone(name: str) -> None:
    assert [f for f in told(trained(OPTIMIZERS[name], epochs=30)[0]).findings if f.level != "info"] == []


def test_what_stopped_far_too_early_is_trained_on() -> None:
    x, _ = points()
    y = (x @ torch.randn(6, 3)).argmax(1)
    watch = Watch()
    with watching(watch):
        net = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 3))
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
        for rows in torch.randperm(400).split(16):
            optimizer.zero_grad()
            functional.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            (net(x[400:]).argmax(1) == y[400:]).float().mean()
    assert [f.fault for f in told(watch).findings] == ["under-trained"]


def test_two_optimizers_or_a_changed_loss_are_not_played() -> None:
    x, y = points()
    watch = Watch()
    with watching(watch):
        net = nn.Linear(6, 3)
        optimizer = torch.optim.SGD(net.parameters(), lr=100.0)
        for _ in range(30):
            optimizer.zero_grad()
            (2 * functional.cross_entropy(net(x), y)).backward()
            optimizer.step()
    watch.finish()
    assert not [one for one in watch.journal if isinstance(one, Tried)]


finite = st.floats(0, 1e6)


@given(before=finite, after=finite, error=st.floats(0, 10))
def test_only_a_fix_that_mends_makes_a_failure(before: float, after: float, error: float) -> None:
    tried = Tried(
        step=0, fault="init-too-large", said="", steps=STEPS, before=before, after=after, error=error, peak=after
    )
    warned = finding("init-too-large", "warn", None, "", 0.9)
    levels = [one.level for one in found_by_trying([warned], [tried])]
    if confirmed(tried):
        assert levels == ["fail"]
        assert after < 0.8 * before
    else:
        assert levels == (["warn"] if after < before else [])
    other = finding("dead-relu", "warn", None, "", 0.9)
    assert found_by_trying([other], [tried]) == [other]


def test_a_net_that_is_frozen_after_its_training_can_be_trained_again() -> None:
    x, y = points()
    watch = Watch()
    with watching(watch):
        net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
        optimizer = torch.optim.SGD(net.parameters(), lr=1e-4)
        for _ in range(4):
            for a, b in zip(x.split(20), y.split(20), strict=True):
                optimizer.zero_grad()
                functional.cross_entropy(net(a), b).backward()
                optimizer.step()
        net.requires_grad_(False)
        watch.finish()
    assert not watch.errors
    assert any(one.fault == "lr-too-low" for one in watch.journal if isinstance(one, Tried))


def test_a_table_is_standardised_column_by_column() -> None:
    torch.manual_seed(0)
    known = torch.randn(200, 3) * torch.tensor([0.1, 1.0, 0.0]) + torch.tensor([0.0, 5.0, 1000.0])
    changed = CHANGES["input-scale"].inputs(known[:20], known)
    assert torch.allclose(changed[:, 2], torch.zeros(20))
    assert 0.5 < float(changed[:, 0].std()) < 2
    assert 0.5 < float(changed[:, 1].std()) < 2
