"""A loss by hand is known by its derivatives: torch's own losses are known as themselves, and others as none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fairtrial.doctor.likeness import likeness

LABELS = torch.arange(12) % 5
ONE_HOT = functional.one_hot(LABELS, 5).float()
LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "cross_entropy": lambda s: functional.cross_entropy(s, LABELS),
    "nll_loss": lambda s: -s[torch.arange(12), LABELS].mean(),
    "binary_cross_entropy_with_logits": lambda s: functional.binary_cross_entropy_with_logits(s, ONE_HOT),
    "binary_cross_entropy": lambda s: functional.binary_cross_entropy(s.clamp(0, 1), ONE_HOT),
    "mse_loss": lambda s: ((s - ONE_HOT) ** 2).sum(1).mean(),
}


def slope(loss: Callable[[Tensor], Tensor], scores: Tensor) -> Tensor:
    return torch.autograd.grad(loss(scores), scores)[0]


@pytest.fixture
def scores() -> Tensor:
    return torch.rand(12, 5, generator=torch.Generator().manual_seed(0)).mul(0.8).add(0.1).requires_grad_()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_known_with_its_labels(name: str, scores: Tensor) -> None:
    known = likeness(scores, slope(LOSSES[name], scores))
    assert known is not None
    assert (known.name, known.summed, known.ascending) == (name, False, False)
    wanted = LABELS if name in ("cross_entropy", "nll_loss") else ONE_HOT
    assert torch.equal(known.labels, wanted.long())


def test_a_sum_and_a_sign_are_told(scores: Tensor) -> None:
    summed = likeness(scores, slope(lambda s: functional.cross_entropy(s, LABELS, reduction="sum"), scores))
    assert summed
    assert summed.summed
    turned = likeness(scores, slope(lambda s: -LOSSES["mse_loss"](s), scores))
    assert turned
    assert turned.ascending


def test_weights_of_examples_are_told(scores: Tensor) -> None:
    weights = torch.arange(1.0, 13.0)

    def weighted(s: Tensor) -> Tensor:
        return (weights * functional.cross_entropy(s, LABELS, reduction="none")).sum()

    known = likeness(scores, slope(weighted, scores))
    assert known
    assert known.weights is not None
    assert torch.allclose(known.weights, weights.double(), rtol=1e-4)


OTHERS: dict[str, Callable[[Tensor], Tensor]] = {
    "evidence": lambda s: s.logsumexp(1).mean(),
    "hinge": lambda s: functional.multi_margin_loss(s, LABELS),
    "smoothed": lambda s: functional.cross_entropy(s, LABELS, label_smoothing=0.1),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_loss_is_like_none(name: str, scores: Tensor) -> None:
    assert likeness(scores, slope(OTHERS[name], scores)) is None
