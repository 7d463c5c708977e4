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

from dataclasses import dataclass, replace

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
    weights: Tensor | None = None  # of the examples, where that can be told
    ascending: bool = False  # minus the loss


def likeness(scores: Tensor, slope: Tensor) -> Likeness | None:
    """The loss that has this slope at these scores, in rows of examples and columns of classes."""
    s = scores.detach().double().reshape(len(scores), -1)
    g = slope.double().reshape(s.shape)
    if not g.any() or not s.isfinite().all() or not g.isfinite().all():
        return None
    if s.shape[1] > 1 and _picks(g):
        return Likeness("nll_loss", float(g.min()) == -1, g.argmin(1))
    return _entropy(s, g) or _by_labels(s, g) or _ascending(_by_labels(s, -g))


def _ascending(known: Likeness | None) -> Likeness | None:
    return None if known is None else replace(known, ascending=True)


def _entropy(s: Tensor, g: Tensor) -> Likeness | None:
    """Cross-entropy, where each example may have a weight of its own: it lowers all scores of a row but one."""
    if s.shape[1] < 2 or not bool(((g < 0).sum(1) == 1).all()):
        return None
    label, p = g.argmin(1), s.softmax(1)
    missing = p - torch.nn.functional.one_hot(label, s.shape[1])
    weights = (g * missing).sum(1) / missing.square().sum(1)
    if float((g / weights[:, None] - missing).abs().max()) > NEAR or float(missing.abs().max()) < FAR:
        return None
    return Likeness(
        "cross_entropy", len(s) > 1 and bool(torch.isclose(weights, weights.new_ones(())).all()), label, weights
    )


def _by_labels(s: Tensor, g: Tensor) -> Likeness | None:
    """A loss whose derivatives name its labels."""
    rows, columns = s.shape
    inside = bool(((s >= 0) & (s <= 1)).all())
    for name, predicted, factor in (
        ("binary_cross_entropy_with_logits", s.sigmoid(), 1),
        ("binary_cross_entropy", s, s * (1 - s) if inside else 0),
        ("mse_loss", s, 0.5),
        ("mse_loss", s, 1),
    ):
        for parts in (rows, rows * columns, 1):
            labels = predicted - g * factor * parts
            if _told(labels, predicted):
                return Likeness(name, parts == 1 < rows, labels.round().long().squeeze(1))
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
