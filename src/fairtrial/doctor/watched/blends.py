"""Blends: a batch that is mixed with itself, as in mixup and cutmix: do its labels belong to the same partners?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fairtrial.doctor.lines import own
from fairtrial.doctor.observations import Blended, LossCall
from fairtrial.doctor.watched.part import Part, careful
from fairtrial.doctor.watched.variables import arrays

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

FEW = 8  # rows of which nothing can be said
MOST = 4_000_000  # numbers of a batch
EDGE = 0.05  # share of an input that is hardly there
CLOSE = 1e-3  # of the largest number: two inputs are the same
CANDIDATES = 8  # tensors that may be the batch before it was mixed

Share = tuple[Tensor, Tensor, Tensor]  # of each row: an input's share and label, and its partner's label


class Blends(Part):
    """The batch before it was mixed, and what was made of it."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.batch: Tensor | None = None  # the inputs that a loader gave

    @careful
    def on_losses(self, parts: list[tuple[LossCall, Tensor, Tensor]], frame: FrameType) -> None:
        """Losses with these targets go into backward, with these derivatives."""
        given = self.watch.examples.given and self.watch.examples.given()
        shares = _shares([(target, slope) for _, target, slope in parts])
        if given is None or not given.is_floating_point() or len(given) < FEW or given.numel() > MOST:
            return
        if not shares or any(len(one) != len(given) for share in shares for one in share):
            return
        with self.watch.apart(), torch.no_grad():
            for x in itertools.islice(self.originals(given, frame), CANDIDATES):
                for weight, label, other in shares:
                    partner = _partners(given.detach().flatten(1), x.detach().flatten(1), weight)
                    if partner is not None:
                        wrong = int((other != label[partner]).sum())
                        call = parts[0][0]
                        self.watch.note(Blended(step=call.step, where=call.where, rows=len(x), wrong=wrong))
                        return

    def originals(self, given: Tensor, frame: FrameType) -> Iterator[Tensor]:
        """What may be the batch before it was mixed."""
        near = (one for one in arrays(own(frame)) if isinstance(one, Tensor))
        for one in (self.batch, *near):
            if one is not None and one is not given and one.shape == given.shape and one.dtype == given.dtype:
                yield one


def _shares(parts: list[tuple[Tensor, Tensor]]) -> list[Share]:
    """Both ways to read two losses, or one with a target of two classes, as an input's own and its partner's."""
    if len(parts) == 2 and all(target.dim() == 1 and not target.is_floating_point() for target, _ in parts):
        (a, first), (b, second) = parts
        weight = (first / (first + second)).expand(len(a))
        return [(weight, a, b), (1 - weight, b, a)]
    if len(parts) == 1 and parts[0][0].dim() == 2 and parts[0][0].is_floating_point() and parts[0][0].shape[1] > 1:
        (much, little), (a, b) = ((one[:, 0], one[:, 1]) for one in parts[0][0].topk(2))
        low = parts[0][0].amin(1)  # what label smoothing gives each class
        share = (much - low) / (much + little - 2 * low)
        mixed = share < 1 - CLOSE
        if not bool(mixed.any()):
            return []
        weight = share.where(mixed, share[mixed].median())  # of two inputs of one class nothing shows it
        return [(weight, a, b.where(mixed, a)), (1 - weight, b.where(mixed, a), a)]
    return []


def _partners(mixed: Tensor, x: Tensor, weight: Tensor) -> Tensor | None:
    """The row of x that each row of x was mixed with, in these shares or in a region; None where it was not."""
    changed = (mixed != x).any(0)
    scale = CLOSE * float(x.abs().max())
    if not bool(changed.any()):
        return None
    for rest in (mixed, (mixed - weight[:, None] * x) / (1 - weight[:, None])):
        away, partner = torch.cdist(rest[:, changed], x[:, changed]).min(1)
        inside = bool(((weight > EDGE) & (weight < 1 - EDGE)).all())
        if (
            inside
            and float((rest[:, changed] - x[partner][:, changed]).abs().max()) <= scale
            and bool(away.isfinite().all())
        ):
            return partner
    return None
