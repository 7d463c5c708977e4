"""Optimizers: what they hold, and what their steps do."""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import math
import sys
import weakref
from collections import Counter
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer

from fairtrial.doctor.identity import ByIdentity
from fairtrial.doctor.lineage import named
from fairtrial.doctor.lines import lines_above, own, place, source
from fairtrial.doctor.loops import repeated
from fairtrial.doctor.observations import (
    Clipped,
    OptimizerMade,
    ParameterSeen,
    Rates,
    Rescaled,
    SameMember,
    Settings,
    Step,
    Stepped,
    Still,
)
from fairtrial.doctor.watched.part import CLOSE, Part, careful
from fairtrial.doctor.watched.variables import variables

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch


@dataclass
class _Optimizer:
    """What is known of an optimizer."""

    serial: int
    steps: int = 0
    backwards: int = 0
    cleared: bool = False  # after the last backward
    spent: bool = False  # its last gradients were not cleared since
    lr: float | None = None
    before: list[Tensor] | None = None
    within: int = 0  # steps that are being made, one inside the other
    wiped: bool = False  # in this step, after its last backward
    left: tuple[float, float] | None = None  # how large its gradients were when the last backward was over
    last: Tensor | None = None  # of these gradients
    left_at: tuple[weakref.ref[Tensor], int] | None = None  # a parameter, and how often it was written by the last step


class Steps(Part):
    """Optimizers and their steps, and steps by hand."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.optimizers: ByIdentity[_Optimizer] = ByIdentity()
        self.hand: list[tuple[Tensor, Tensor, Tensor]] = []
        self.newest: dict[frozenset[int], _Optimizer] = {}  # by their parameters
        self.spans: dict[int, tuple[int, int]] = {}  # first and last step of each optimizer

    def teaches(self, inputs: Any) -> bool:
        """Whether the gradients of these are what a step will use: all that there is to learn, or in an optimizer."""
        held = {id(p) for optimizer in self.optimizers for group in optimizer.param_groups for p in group["params"]}
        return not held or all(id(one) in held for one in _listed(inputs))

    @careful
    def after_gradients(self, inputs: Any, gradients: tuple[Tensor | None, ...]) -> None:
        """Gradients were computed without being kept in their parameters."""
        pairs = zip(_listed(inputs), gradients, strict=True)
        found = {id(leaf): grad.detach() for leaf, grad in pairs if grad is not None}
        self.hand = [(leaf, before, found[id(leaf)].clone()) for leaf, before, _ in self.hand if id(leaf) in found]
        for optimizer, known in self.optimizers.items():
            own = [found[id(p)] for group in optimizer.param_groups for p in group["params"] if id(p) in found]
            if own:
                known.spent = False  # nothing is added to what was there
                if self.close:
                    self.leave(known, own)

    @careful
    def on_clipped(self, norm: Tensor, limit: float, where: str | None) -> None:
        """Gradients of this size were clipped."""
        self.watch.note(
            Clipped(
                step=self.watch.steps,
                where=where,
                norm=float(norm),
                limit=limit,
                fresh=self.watch.fresh,
                scaled=self.watch.scaled,
            )
        )

    @careful
    def after_backward(self) -> None:
        """A backward pass is over: what the gradients are, where no optimizer will use them."""
        if self.hand:
            held = [(leaf, before, leaf.grad) for leaf, before, _ in self.hand]
            self.hand = [(leaf, before, grad.detach().clone()) for leaf, before, grad in held if grad is not None]
        if self.close:
            for optimizer, known in self.optimizers.items():
                self.leave(known, _gradients(optimizer))

    def leave(self, known: _Optimizer, gradients: list[Tensor]) -> None:
        """Keep how large gradients are, and the last of them."""
        if gradients:
            known.left, known.last = _sizes(gradients), gradients[-1].detach().clone()

    @property
    def close(self) -> bool:
        """Whether gradients are looked at in this step."""
        return self.watch.full or self.watch.steps < CLOSE

    def before_backward(self, where: str | None) -> None:
        """A backward pass is about to begin."""
        self.by_hand(where)
        for optimizer, known in self.optimizers.items():
            known.backwards += 1
            known.cleared = known.wiped = False
            if known.spent and self.close:
                known.spent = any(_lives(p.grad) for group in optimizer.param_groups for p in group["params"])

    def hold(self, leaves: list[Tensor]) -> None:
        """Remember what a backward pass reaches, where there is no optimizer, to see steps by hand."""
        if not self.watch.steps and not self.optimizers:
            self.hand = [(leaf, leaf.detach().clone(), leaf) for leaf in leaves if leaf.is_floating_point()]

    def by_hand(self, where: str | None) -> None:
        """Weights that moved between two backward passes though no optimizer stepped: a step by hand."""
        if not self.hand:
            return
        held, self.hand = self.hand, []
        moved = [(p, before, grad) for p, before, grad in held if not torch.equal(p.detach(), before)]
        if not moved:
            if still := frozenset(self.watch.serial(p) for p, _, grad in held if grad.any()):
                self.watch.note(Still(step=self.watch.backwards, where=where, parameters=still))
            return
        self.watch.note(
            Step(
                step=self.watch.backwards,
                where=where,
                optimizer=-1,
                kind="by hand",
                settings=(),
                backwards=1,
                stale=any(_lives(p.grad) for p, _, _ in moved),
                cleared_after_backward=False,
                backward_where=self.watch.backward_where,
                parameters=tuple(self.parameter(p, before, grad) for p, before, grad in moved),
            )
        )

    @careful
    def on_cleared(self, parameters: set[Tensor] | None, optimizer: Optimizer | None) -> None:
        """Gradients were cleared."""
        for other, known in self.optimizers.items():
            mine = other is optimizer
            if not mine and parameters is not None:
                mine = any(p in parameters for group in other.param_groups for p in group["params"])
            if mine:
                known.spent = False
                known.wiped = known.within > 0 and _moved(other, known)
                known.cleared = known.backwards > 0 and not known.wiped

    @careful
    def on_optimizer(self, optimizer: Optimizer, frame: FrameType) -> None:
        """An optimizer was built."""
        parameters = frozenset(self.watch.serial(p) for group in optimizer.param_groups for p in group["params"])
        sharing = (
            known
            for other, known in self.optimizers.items()
            if parameters & {self.watch.serial(p) for group in other.param_groups for p in group["params"]}
        )
        before = self.newest.get(parameters) or next((known for known in sharing if known.steps), None)
        goes_on = before is not None and _as_left(before)
        known = self.newest[parameters] = self.optimizers[optimizer] = _Optimizer(self.watch.serial(optimizer))
        settings = [_settings(group) for group in optimizer.param_groups]
        self.watch.note(
            OptimizerMade(
                step=self.watch.steps,
                where=place(frame),
                optimizer=known.serial,
                kind=type(optimizer).__name__,
                parameters=parameters,
                rate=settings[0].lr,
                looped=repeated(frame),
                given=next((line for line in lines_above(frame) if "parameters(" in source(line)), None),
                remembers=any(one.betas or one.momentum for one in settings) or type(optimizer).__name__ != "SGD",
                replaces=before.serial if before is not None and goes_on else None,
            )
        )
        if goes_on:
            self.watch.inputs.on_again()
            self.members(parameters, frame)

    def members(self, parameters: frozenset[int], frame: FrameType) -> None:
        """Lists of models, such as an ensemble, in which one that has learned and learns again is several times."""
        for one in own(frame):
            for name, held in variables(one).items():
                several = held if isinstance(held, list | tuple | nn.ModuleList) else ()
                times = Counter(id(model) for model in several if isinstance(model, nn.Module))
                again = next((model for model in several if times[id(model)] > 1), None)
                if again is not None and parameters & self.watch.models.parameters(again):
                    where, count = named(one.f_code, name)[0], times[id(again)]
                    self.watch.note(SameMember(step=self.watch.steps, where=where or place(one), members=count))

    def before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """An optimizer is about to make a step."""
        known = self.optimizers.get(optimizer)
        if known is None or not self.watch.looking:
            return
        known.within += 1
        if known.within > 1:  # a step that calls the one it is derived from
            return
        if known.left is not None:
            self.rescaled(optimizer, known)
        if self.watch.full:
            held = [p for group in optimizer.param_groups for p in group["params"]]
            known.before = [p.detach().clone() for p in held]

    @careful
    def rescaled(self, optimizer: Optimizer, known: _Optimizer) -> None:
        """What became of the gradients since the last backward pass."""
        gradients = _gradients(optimizer)
        if known.left is not None and known.last is not None and gradients:
            used, now = _sizes(gradients), gradients[-1].detach()
            turned = now.shape == known.last.shape and float((now * known.last).sum()) < 0
            if used != known.left or turned:
                self.watch.note(Rescaled(step=self.watch.steps, left=known.left, used=used, turned=turned))
        known.left = known.last = None

    def after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """An optimizer made a step."""
        known = self.optimizers.get(optimizer)
        if known is None or not self.watch.looking:
            return
        known.within -= 1
        if known.within > 0:
            return
        self.on_step(optimizer, known)
        self.watch.tape.on_step(optimizer)
        known.before = None
        known.left_at = _now(optimizer)
        known.steps += 1
        known.backwards, known.cleared, known.spent, known.wiped = 0, False, not known.wiped, False
        self.watch.advance()

    @careful
    def on_step(self, optimizer: Optimizer, known: _Optimizer) -> None:
        """What a step did, and at which rate."""
        rate = float(optimizer.param_groups[0].get("lr", math.nan))
        if rate != known.lr:
            known.lr = rate
            self.watch.note(Rates(step=self.watch.steps, optimizer=known.serial, lr=rate))
        self.spans[known.serial] = self.spans.get(known.serial, (self.watch.steps, 0))[0], self.watch.steps
        if self.close:
            self.watch.note(self.step(optimizer, known))

    def finish(self) -> None:
        """From where to where each optimizer was at work."""
        for serial, (first, last) in self.spans.items():
            self.watch.note(Stepped(step=last, optimizer=serial, first=first, last=last))

    def step(self, optimizer: Optimizer, known: _Optimizer) -> Step:
        """What a step did."""
        held = [] if known.wiped else [p for group in optimizer.param_groups for p in group["params"]]
        return Step(
            step=self.watch.steps,
            where=place(sys._getframe(1)),
            optimizer=known.serial,
            kind=type(optimizer).__name__,
            settings=tuple(_settings(group) for group in optimizer.param_groups),
            backwards=known.backwards,
            stale=known.spent and known.steps > 0 and known.backwards > 0,
            cleared_after_backward=known.cleared,
            backward_where=self.watch.backward_where,
            parameters=tuple(
                self.parameter(now, before, now.grad) for now, before in zip(held, known.before or [], strict=False)
            ),
        )

    def parameter(self, now: Tensor, before: Tensor, grad: Tensor | None) -> ParameterSeen:
        """One parameter after a step, and before it."""
        change = now.detach() - before
        grad = None if grad is None or grad.is_sparse else grad.detach()
        norm = None if grad is None else float(grad.norm())
        return ParameterSeen(
            serial=self.watch.serial(now),
            name="",
            gradient=norm,
            finite=norm is None or math.isfinite(norm),
            weight=float(before.norm()),
            size=now.numel(),
            update=float(change.norm()),
            downhill=0.0 if grad is None else float((change * grad).sum()),
            trainable=now.requires_grad,
            along=0.0 if grad is None else float((before * grad).sum()),
        )


def _moved(optimizer: Optimizer, known: _Optimizer) -> bool:
    """Whether the step that is being made has changed the weights already."""
    held = (p for group in optimizer.param_groups for p in group["params"])
    return known.before is None or any(not torch.equal(p, b) for p, b in zip(held, known.before, strict=False))


def _now(optimizer: Optimizer) -> tuple[weakref.ref[Tensor], int]:
    """A parameter, and how often it was written so far."""
    one = optimizer.param_groups[0]["params"][0]
    return weakref.ref(one), one._version


def _as_left(known: _Optimizer) -> bool:
    """Whether nobody has written to the weights since an optimizer's last step, to begin anew."""
    one, times = known.left_at or (lambda: None, 0)
    return (held := one()) is not None and held._version == times


def _listed(inputs: Any) -> list[Tensor]:
    return [inputs] if isinstance(inputs, Tensor) else list(inputs)


def _gradients(optimizer: Optimizer) -> list[Tensor]:
    held = (p.grad for group in optimizer.param_groups for p in group["params"])
    return [grad for grad in held if grad is not None and not grad.is_sparse]


def _sizes(gradients: list[Tensor]) -> tuple[float, float]:
    """The norm and the largest entry."""
    ends = [end for grad in gradients if grad.numel() for end in torch.aminmax(grad.detach())]
    return float(torch.nn.utils.get_total_norm(gradients)), max((abs(float(end)) for end in ends), default=0.0)


def _lives(grad: Tensor | None) -> bool:
    return grad is not None and not grad.is_sparse and bool(grad.any())


def _settings(group: dict[str, Any]) -> Settings:
    betas = group.get("betas")
    return Settings(
        lr=float(group.get("lr", math.nan)),
        momentum=float(group.get("momentum", 0.0)),
        betas=None if betas is None else (float(betas[0]), float(betas[1])),
        eps=None if group.get("eps") is None else float(group["eps"]),
        weight_decay=float(group.get("weight_decay", 0.0)),
        maximize=bool(group.get("maximize", False)),
    )
