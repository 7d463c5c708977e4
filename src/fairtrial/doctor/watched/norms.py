"""Batch norms: whether what they evaluate with is what they learned with."""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import copy
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from fairtrial.doctor.observations import Statistics
from fairtrial.doctor.watched.mixing import run
from fairtrial.doctor.watched.models import streams_kept
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

HELD = 2  # models whose batches are kept
ROWS = 16  # of a batch whose statistics say anything
Norm = nn.modules.batchnorm._BatchNorm


@dataclass(frozen=True)
class _Taught:
    """The last batch that a model learned from."""

    module: weakref.ref[nn.Module]
    inputs: tuple[Any, ...]
    rows: int
    active: frozenset[str]  # batch norms that used its statistics


class Norms(Part):
    """Models with batch norms that learn, and that are evaluated."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.taught: dict[int, _Taught] = {}
        self.met: set[int] = set()  # models that learn
        self.evaluated: dict[int, weakref.ref[nn.Module]] = {}

    def note(self, module: nn.Module, model: int, inputs: tuple[Any, ...], rows: int) -> None:
        """A pass: its batch is kept, if it teaches and is no last one that is smaller."""
        if not torch.is_grad_enabled():
            if not module.training and model not in self.evaluated:
                self.evaluated[model] = weakref.ref(module)
            return
        known = self.taught.get(model)
        if known is None and (self.watch.full or model not in self.met):
            self.met.add(model)
            names = frozenset(name for name, layer in module.named_modules() if _keeps(layer) and layer.training)
            if names and len(self.taught) < HELD:
                self.taught[model] = _Taught(weakref.ref(module), inputs, rows, names)
        elif known and module.training and 2 * rows >= known.rows:
            self.taught[model] = _Taught(known.module, inputs, rows, known.active)

    @careful
    def finish(self) -> None:
        """The training is over: give each evaluated model the last batch that it, or what it averages, learned from."""
        for model, reference in self.evaluated.items():
            module = reference()
            if module is None:
                continue
            known = [self.taught[model]] if model in self.taught else list(self.taught.values())
            for taught in known:
                learner = taught.module()
                if taught.rows >= ROWS and learner is not None and _alike(module, learner):
                    with self.watch.apart(), streams_kept():
                        self.compare(module, taught)

    @careful
    def compare(self, module: nn.Module, taught: _Taught) -> None:
        """Running statistics against a batch's, on a copy."""
        twin = copy.deepcopy(module).eval()
        norms = [
            (name, norm, copied)
            for (name, norm), copied in zip(module.named_modules(), twin.modules(), strict=True)
            if isinstance(norm, Norm) and isinstance(copied, Norm) and name.endswith(tuple(taught.active))
        ]
        inputs = [one.detach() if isinstance(one, Tensor) else one for one in taught.inputs]
        before = run(twin, inputs).argmax(-1)
        for _, _, copied in norms:
            copied.training, copied.momentum = True, 1.0
        changed = float((run(twin, inputs).argmax(-1) != before).float().mean())
        for name, norm, copied in norms:
            variance, shift = _difference(norm, copied)
            seen = Statistics(
                step=self.watch.steps,
                where=self.watch.built.get(norm) or self.watch.built.get(module),
                name=name,
                momentum=norm.momentum,
                updates=int(norm.num_batches_tracked or 0),
                variance=variance,
                shift=shift,
                changed=changed,
            )
            self.watch.note(seen)


def _difference(norm: Norm, batch: Norm) -> tuple[float, float]:
    """The batch's variance over the running one, and by how many running deviations its mean is off: medians."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    assert batch.running_var is not None
    assert batch.running_mean is not None
    spread = norm.running_var + norm.eps
    variance = (batch.running_var + norm.eps) / spread
    shift = (batch.running_mean - norm.running_mean).abs() / spread.sqrt()
    return float(variance.median()), float(shift.median())


def _alike(one: nn.Module, other: nn.Module) -> bool:
    """Whether the weights of one model are those of the other, or an average of theirs."""
    a, b = ([p.detach().flatten() for p in module.parameters() if p.dim() > 1] for module in (one, other))
    if one is other or [x.shape for x in a] != [x.shape for x in b] or not a:
        return one is other
    return float(torch.cosine_similarity(torch.cat(a), torch.cat(b), 0)) > 0.5


def _keeps(layer: nn.Module) -> bool:
    return isinstance(layer, Norm) and layer.running_mean is not None
