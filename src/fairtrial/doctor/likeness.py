"""Which of torch's losses a loss by hand is: the one that has the same derivatives, for labels that are whole numbers.

For scores s, labels y and a number c, the derivatives of the losses by s are

    squared error                     c (s - y)
    cross-entropy                     c (softmax(s) - y)
    binary cross-entropy with logits  c (sigmoid(s) - y)
    binary cross-entropy              c (s - y) / (s (1 - s))
    negative log-likelihood           -c at the label, 0 elsewhere

so that each loss names the labels that it would have been computed with. Only the right one names whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NEAR = 1e-2  # to a whole number; by chance not even one of fifty others would be
FAR = 0.1  # from what is predicted, somewhere: otherwise nothing is left to learn, and the labels cannot be told
LABELS = 1000  # at most


@dataclass(frozen=True)
class Likeness:
    """One of torch's losses, and the labels that it was computed with."""

    name: str
    summed: bool
    labels: Tensor  # of the classes' numbers, or a column for each class


def likeness(scores: Tensor, slope: Tensor) -> Likeness | None:
    """The loss that has this slope at these scores, in rows of examples and columns of classes."""
    s = scores.detach().double().reshape(len(scores), -1)
    g = slope.double().reshape(s.shape)
    rows, columns = s.shape
    if not g.any() or not s.isfinite().all() or not g.isfinite().all():
        return None
    if columns > 1 and _picks(g):
        return Likeness("nll_loss", float(g.min()) == -1, g.argmin(1))
    inside = bool(((s >= 0) & (s <= 1)).all())
    for name, predicted, factor in (
        ("cross_entropy", s.softmax(1), 1),
        ("binary_cross_entropy_with_logits", s.sigmoid(), 1),
        ("binary_cross_entropy", s, s * (1 - s) if inside else 0),
        ("mse_loss", s, 0.5),
        ("mse_loss", s, 1),
    ):
        for parts in (rows, rows * columns, 1):
            labels = predicted - g * factor * parts
            if _told(labels, predicted) and (name != "cross_entropy" or _one_hot(labels)):
                whole = labels.round().long()
                one_class = name == "cross_entropy"
                return Likeness(name, parts == 1 < rows, whole.argmax(1) if one_class else whole.squeeze(1))
    return None


def _picks(g: Tensor) -> bool:
    """Whether one score of each row is raised, and all of them alike."""
    return bool(((g != 0).sum(1) == 1).all()) and bool(torch.isclose(g.sum(1), g.min(), rtol=1e-3).all())


def _told(labels: Tensor, predicted: Tensor) -> bool:
    whole = labels.round()
    top = 1 if labels.shape[1] > 1 else LABELS
    return (
        float((labels - whole).abs().max()) < NEAR
        and float(whole.min()) >= 0
        and float(whole.max()) <= top
        and float((predicted - whole).abs().max()) > FAR
    )


def _one_hot(labels: Tensor) -> bool:
    return labels.shape[1] > 1 and bool((labels.round().sum(1) == 1).all())
