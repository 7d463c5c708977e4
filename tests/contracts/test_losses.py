"""Every loss in every coding of the labels, on NumPy and on torch, against torch.nn.functional and its autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.testing import assert_allclose
from torch import Tensor

from fairtrial.parts.losses import LOSSES, Criterion, make_criterion
from fairtrial.spec.errors import UsageError
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.registry import call

N, CLASSES = 7, 5
LABELS = np.array([0, 4, 2, 2, 1, 3, 0])
TWINS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {  # of outputs, labels and coded targets
    "cross-entropy": lambda y, labels, _: F.cross_entropy(y, labels),
    "nll": lambda y, labels, _: F.nll_loss(y, labels),
    "bce": lambda y, _, t: F.binary_cross_entropy_with_logits(y, t),
    "mse": lambda y, _, t: F.mse_loss(y, t),
    "mae": lambda y, _, t: F.l1_loss(y, t),
    "huber": lambda y, _, t: F.huber_loss(y, t),
}
CASES = [(name, coding) for name in LOSSES for coding in call(LOSSES, name).codings]
MODULES = pytest.mark.parametrize("xp", [np, torch], ids=["numpy", "torch"])
EVERY = pytest.mark.parametrize(("name", "coding"), CASES, ids=lambda word: word)


def criterion(name: str, coding: str, **fields: Any) -> Criterion:
    return make_criterion(Recipe(loss=name, targets=coding, **fields), CLASSES)  # type: ignore[arg-type]


def outputs(made: Criterion, scale: float = 3) -> np.ndarray:
    return np.random.default_rng(0).normal(0, scale, (N, made.outputs))


def value(made: Criterion, xp: Any, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    arrays = [z if xp is np else torch.from_numpy(z) for z in (y, made.table[LABELS])]
    loss, gradient = made.loss(xp, *arrays)
    return np.asarray(loss), np.asarray(gradient)


def twin(name: str, made: Criterion, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    leaf = torch.from_numpy(y).clone().requires_grad_()
    loss = TWINS[name](leaf, torch.from_numpy(LABELS), torch.from_numpy(made.table[LABELS]))
    loss.backward()
    return loss.detach().numpy(), leaf.grad.numpy()  # type: ignore[union-attr]


@EVERY
@MODULES
def test_loss_and_gradient_are_those_of_torch(name: str, coding: str, xp: Any) -> None:
    made = criterion(name, coding)
    y = outputs(made)
    for ours, theirs in zip(value(made, xp, y), twin(name, made, y), strict=True):
        assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@EVERY
def test_gradient_is_the_difference_quotient(name: str, coding: str) -> None:
    made = criterion(name, coding)
    y, h = outputs(made), 1e-6
    _, gradient = value(made, np, y)
    for place in np.ndindex(y.shape):
        step = np.zeros_like(y)
        step[place] = h
        slope = (value(made, np, y + step)[0] - value(made, np, y - step)[0]) / (2 * h)
        assert gradient[place] == pytest.approx(slope, rel=1e-7, abs=1e-8)


@EVERY
@MODULES
@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_extreme_outputs_give_finite_numbers(name: str, coding: str, xp: Any, extreme: float) -> None:
    made = criterion(name, coding)
    y = np.where(np.arange(made.outputs) % 2, extreme, -extreme) * np.ones((N, 1))
    loss, gradient = value(made, xp, y)
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    assert_allclose(loss, twin(name, made, y)[0], rtol=1e-12)


@pytest.mark.parametrize("smoothing", [0.1, 0.5])
@MODULES
def test_label_smoothing_is_that_of_torch(smoothing: float, xp: Any) -> None:
    made = criterion("cross-entropy", "index", label_smoothing=smoothing)
    y = outputs(made)
    leaf = torch.from_numpy(y).clone().requires_grad_()
    theirs = F.cross_entropy(leaf, torch.from_numpy(LABELS), label_smoothing=smoothing)
    theirs.backward()
    loss, gradient = value(made, xp, y)
    assert loss == pytest.approx(theirs.item(), rel=1e-12)
    assert_allclose(gradient, leaf.grad, rtol=1e-12, atol=1e-15)


@EVERY
@MODULES
def test_targets_themselves_are_read_back_as_the_labels(name: str, coding: str, xp: Any) -> None:
    made = criterion(name, coding)
    targets = made.table[LABELS]
    read = made.predict(xp, targets if xp is np else torch.from_numpy(targets))
    assert np.array_equal(np.asarray(read), LABELS)


@MODULES
def test_numbers_outside_the_labels_are_read_as_the_nearest_label(xp: Any) -> None:
    made = criterion("mse", "number")
    y = np.array([[-3.2], [1.4], [1.6], [99.0]])
    assert np.asarray(made.predict(xp, y if xp is np else torch.from_numpy(y))).tolist() == [0, 1, 2, CLASSES - 1]


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_coding_that_the_loss_does_not_take_is_refused(name: str) -> None:
    for coding in {"index", "one-hot", "number"} - set(call(LOSSES, name).codings):
        with pytest.raises(UsageError, match=f"targets={coding}.*{name}"):
            criterion(name, coding)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "cross-entropy"])
def test_label_smoothing_is_refused_where_the_loss_has_none(name: str) -> None:
    with pytest.raises(UsageError, match="label_smoothing"):
        criterion(name, "auto", label_smoothing=0.1)
