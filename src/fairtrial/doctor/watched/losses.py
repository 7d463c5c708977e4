"""Losses: what a backward pass makes of those that torch computed, and of those that are written by hand."""

from __future__ import annotations

from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from fairtrial.doctor import tensors
from fairtrial.doctor.likeness import likeness
from fairtrial.doctor.observations import Backward, ByHand, Divergence, LossCall, Weighed
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

CANDIDATES = 12  # tensors near a loss that may be its scores
CALL = "fairtrial.loss"  # the key of a graph node's metadata that holds the call of a loss, and its labels


class Losses(Part):
    """The losses behind a number that goes into backward.

    Derivatives are taken from that number to the outputs of the last layer and no further: no parameter gets one.
    """

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.hooked = False  # the script has hooks on tensors, which must not be called once more

    def remember(self, call: LossCall, result: Tensor, target: Tensor) -> None:
        """A loss was computed that a gradient can flow from."""
        node: Any = result.grad_fn
        node.metadata[CALL] = call, target

    @careful
    def on_divergence(self, given: dict[str, Any], result: Tensor, where: str | None) -> None:
        """kl_div was computed of what a gradient can flow from."""
        self.watch.note(
            Divergence(
                step=self.watch.steps,
                where=where,
                value=float(result.detach().mean()),
                given=tensors.shares(given["input"]),
                target=tensors.shares(given["target"]),
                log_target=bool(given.get("log_target", False)),
                origin=tensors.origin(given["input"]),
            )
        )

    def before_backward(self, loss: Tensor, seen: Backward, frame: FrameType) -> None:
        """A number goes into backward: what it is made of."""
        if loss.grad_fn is not None and loss.numel() == 1:
            head = tensors.head(loss)
            seen = replace(
                seen,
                half=head.half,
                penalised=frozenset(self.watch.serial(p) for p in head.parameters if p.dim() > 1),
                added=tensors.line_of(head, "Add"),
                ends=tensors.line_of(head, "Neg", "Mean", "Sum"),
            )
            if not head.foreign and not self.hooked:
                seen = self.derive(loss, head, seen, frame)
        self.watch.note(seen)

    def derive(self, loss: Tensor, head: tensors.Head, seen: Backward, frame: FrameType) -> Backward:
        """Derivatives by the losses of torch's in it; where there are none, by the outputs of the last layer."""
        calls = [node for node in head.nodes if CALL in node.metadata]
        if calls:
            slopes = self.slopes(loss, calls)
            for node, slope in zip(calls, slopes, strict=True):
                self.weigh(*node.metadata[CALL], slope)
            parts = [(*node.metadata[CALL], slope) for node, slope in zip(calls, slopes, strict=True)]
            self.watch.blends.on_losses(parts, frame)
            return replace(seen, factor=max(float(slope.sum()) for slope in slopes))
        if head.layers:
            held = [node for node in (*head.nodes, *head.layers) if tensors.SCORES in node.metadata][:CANDIDATES]
            slope, *others = self.slopes(loss, [head.layers[0], *held])
            if slope.dim() == 2 and slope.any():
                self.by_hand(head, seen, slope)
            if self.recognise(loss, head, seen, list(zip(held, others, strict=True))):
                return replace(seen, factor=-1.0)
        return replace(seen, factor=None)

    def recognise(self, loss: Tensor, head: tensors.Head, seen: Backward, slopes: list[tuple[Any, Tensor]]) -> bool:
        """Note the loss of torch's that this is for the scores nearest to it that make it one; True for minus it."""
        for node, slope in slopes:
            scores: Tensor = node.metadata[tensors.SCORES]
            known = likeness(scores, slope) if scores.shape == slope.shape else None
            if known is not None and tensors.only_way(head, loss, node):
                classes = scores.shape[1] if scores.dim() > 1 else 1
                call = LossCall(
                    step=seen.step,
                    where=seen.ends or seen.where,
                    name=known.name,
                    value=seen.value,
                    reduction="sum" if known.summed else "mean",
                    rows=len(scores),
                    classes=classes,
                    learning=True,
                    scores=tensors.scores(scores),
                    targets=tensors.targets(known.labels, classes),
                    origin=tensors.made(node),
                    built=seen.ends or seen.where,
                    hand=True,
                )
                self.watch.note(call)
                if known.weights is not None:
                    self.weigh(call, known.labels, known.weights)
                return known.ascending
        return False

    def slopes(self, loss: Tensor, nodes: list[Any]) -> tuple[Tensor, ...]:
        """The derivatives of a loss by what these operations gave."""
        with self.watch.apart():
            return torch.autograd.grad(
                loss, [GradientEdge(node, 0) for node in nodes], retain_graph=True, materialize_grads=True
            )

    @careful
    def weigh(self, call: LossCall, target: Tensor, slope: Tensor) -> None:
        """How the examples of each class count."""
        if slope.dim() != 1 or slope.shape != target.shape or target.is_floating_point():
            return
        sizes = torch.bincount(target, minlength=call.classes)
        means = torch.zeros(len(sizes), dtype=torch.float64, device=slope.device).index_add(0, target, slope.double())
        means = means / sizes
        self.watch.note(
            Weighed(
                step=call.step,
                where=call.where,
                rows=len(target),
                means=tuple(means.tolist()),
                counts=tuple(sizes.tolist()),
                spread=float(((slope - means[target]) / means[target]).abs().max()),
            )
        )

    @careful
    def by_hand(self, head: tensors.Head, seen: Backward, slope: Tensor) -> None:
        """A loss without any of torch's, and its derivatives by the outputs of the last layer."""
        normaliser, normalised = tensors.normaliser(head)
        size = slope.abs().max()
        self.watch.note(
            ByHand(
                step=seen.step,
                where=seen.where,
                value=seen.value,
                rows=len(slope),
                classes=slope.shape[1],
                likelihoods=tensors.likelihoods(slope, seen.value),
                row_error=float(slope.sum(1).abs().max() / size),
                column_error=float(slope.sum(0).abs().max() / size),
                operations=frozenset(map(tensors.name_of, head.nodes)),
                normaliser=normaliser,
                normalised=normalised,
                ends=seen.ends,
            )
        )
