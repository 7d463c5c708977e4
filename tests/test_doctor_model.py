"""What is seen of a model's start, of its modes and of its statistics, on small tensors and made-up observations."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from fairtrial.doctor import tensors
from fairtrial.doctor.journal import Journal
from fairtrial.doctor.observations import Layer, Model, Pass, StateLoaded, StateTaken, Statistics, Step, Units, Weights
from fairtrial.doctor.seams import watching
from fairtrial.doctor.symptoms.model import dead_relu, init_too_small
from fairtrial.doctor.symptoms.state import partial_load, stale_batchnorm
from fairtrial.doctor.watch import Watch
from fairtrial.doctor.watched.models import at_rest


def weights_of(loss: Tensor) -> list[Weights]:
    """What the doctor sees of the weights behind a loss, the last layer's first."""
    watch = Watch()
    with watching(watch):
        loss.backward()
    return [one for one in watch.journal if isinstance(one, Weights)][::-1]


@pytest.mark.parametrize("number", range(5))
def test_weights_are_rows_of_units_however_they_are_multiplied(number: int) -> None:
    x, w = torch.randn(7, 4), nn.Parameter(torch.randn(3, 4))
    w[1].data.copy_(w[0].data)  # two equal units: a row of w
    flat, stack = nn.Parameter(w.detach().flatten()), nn.Parameter(torch.stack([w.detach(), w.detach()]))
    products = (
        torch.einsum("bi,oi->bo", x, w),
        (w @ x.T).T,
        torch.nn.functional.linear(x, flat.view(3, 4)),
        x @ stack[1].mT,
        torch.bmm(x[None], w.T[None]),
    )
    seen = weights_of(products[number].square().sum())[0]
    assert (seen.units, seen.distinct) == (3, 2)


WEIGHTS = Weights(
    step=0, parameter=1, shape=(9, 9), units=9, distinct=9, learning=9, apart=9, zero=False, idle=False, gain=0.1,
    grouped=False, last=False, beside=True, signal=1.0,
)  # fmt: skip


def test_small_weights_that_add_up_are_told_and_torchs_own_are_not() -> None:
    last = replace(WEIGHTS, last=True, signal=1e-4)
    small = [WEIGHTS, *(replace(WEIGHTS, signal=10.0**-n) for n in (1, 2, 3)), last]
    assert init_too_small.decide(Journal(small))
    assert init_too_small.decide(Journal([replace(one, gain=0.58) for one in small])) == []
    assert init_too_small.decide(Journal([replace(one, signal=1.0) for one in small])) == []


def test_pixels_of_pictures_read_with_the_wrong_order_are_strangers() -> None:
    line = torch.sin(torch.arange(12) / 3)
    right = (line[:, None] + line)[None, None] * torch.tensor([1.0, -1.0, 0.5])[:, None, None]
    wrong = right.permute(0, 2, 3, 1).reshape(right.shape)
    for picture, torn in ((right, False), (wrong, True)):
        seen = tensors.describe(picture)
        assert seen.correlation is not None
        assert seen.relabelled is not None
        assert (seen.relabelled > seen.correlation + 0.2) == torn


def test_frozen_norms_and_the_dropouts_between_frozen_layers_are_at_rest() -> None:
    body = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(), nn.Linear(4, 4)).requires_grad_(False)
    head = nn.Sequential(nn.Dropout(), nn.Linear(4, 2))
    assert at_rest(nn.Sequential(body, head)) == {body[1], body[2]}


def test_a_silent_branch_that_something_is_added_to_is_no_fault() -> None:
    dead = Units(step=9, where="t.py:3", units=10, dead=10, examples=4096)
    found = dead_relu.decide(Journal([dead]))
    beside = dead_relu.decide(Journal([replace(dead, beside=True)]))
    assert found
    assert beside
    assert (found[0].level, beside[0].level) == ("fail", "info")


def test_statistics_that_are_mostly_their_start_are_stale_if_they_are_wrong() -> None:
    norm = Layer("n", "BatchNorm1d", "t.py:2", None, True, None, 0, 0, None, 0.001, False, frozenset())
    model = Model(step=0, model=1, name="Net", layers=(norm,), names=(), unregistered=(), repeated=())
    evaluated = Pass(
        step=9, model=1, training=False, active=(), idle=(), grad=False, backward=False, judged=True, phase=1,
        input=None,
    )  # fmt: skip
    step = Step(
        step=0, optimizer=1, kind="SGD", settings=(), backwards=1, stale=False, cleared_after_backward=False,
        backward_where=None, parameters=(),
    )  # fmt: skip
    seen = Statistics(step=9, name="n", momentum=0.001, updates=99, variance=5.0, shift=0.1, changed=0.0)
    assert stale_batchnorm.decide(Journal([model, evaluated, step, seen]))
    assert stale_batchnorm.decide(Journal([model, evaluated, step, replace(seen, variance=1.1)])) == []
    assert stale_batchnorm.decide(Journal([model, evaluated, step, replace(seen, momentum=0.1)])) == []


def test_a_state_filled_up_with_the_models_own_tensors_is_a_partial_one() -> None:
    taken = StateTaken(step=5, model=1, kept=True)
    loaded = StateLoaded(step=5, model=1, missing=(), unexpected=(), matched=4, own=("a", "b", "c"))
    found = partial_load.decide(Journal([taken, loaded]))
    assert found
    assert found[0].level == "fail"
    assert partial_load.decide(Journal([taken, replace(loaded, own=())])) == []


@pytest.mark.parametrize(("bias", "dead"), [(-9.0, 8), (0.0, 0)])
def test_units_of_a_net_by_hand_are_counted_and_those_of_its_loss_are_not(bias: float, dead: int) -> None:
    torch.manual_seed(0)
    first, second = (torch.randn(4, 8) * 0.3).requires_grad_(), torch.randn(8, 3, requires_grad=True)
    shift, watch = torch.full((8,), bias, requires_grad=True), Watch()
    with watching(watch):
        for _ in range(40):
            scores = (torch.randn(64, 4) @ first + shift).clamp(min=0) @ second
            torch.relu(scores - 99).sum().backward()
        watch.finish()
    seen = [one for one in watch.journal if isinstance(one, Units) and one.examples >= 512]
    assert {(one.units, one.dead) for one in seen} == {(8, dead)}
