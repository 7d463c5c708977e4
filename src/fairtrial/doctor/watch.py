"""What was seen of a training so far, and what has to be remembered to see more; the seams report to it.

What is read is read without a random number, without a gradient and without keeping a graph alive; the first steps are
looked at closely, later ones at each power of two.
"""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import copy
import functools
import io
import linecache
import math
import os
import random
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.optimizer import Optimizer
from torch.utils.data import Dataset, Subset
from torch.utils.weak import WeakIdKeyDictionary

from fairtrial.doctor import tensors
from fairtrial.doctor.lines import lines_above, place
from fairtrial.doctor.observations import (
    Backward,
    Batch,
    Cuts,
    End,
    Evaluation,
    Graph,
    Layer,
    Loader,
    LossCall,
    Mixing,
    Model,
    OptimizerMade,
    ParameterSeen,
    Pass,
    Printed,
    Rates,
    Seen,
    Settings,
    Shared,
    StateLoaded,
    StateTaken,
    Step,
    Trained,
    Units,
)

CLOSE = 20  # steps at the beginning in which gradients left over are looked for
FULL = 4  # steps at the beginning that are looked at whole
OFTEN = 16  # things of a kind that are looked at before only powers of two are
ROW_BYTES = 16_000_000  # of a source's inputs that are looked at one by one
ALIVE = 2048  # examples for which a unit must be silent to count as dead
FEW = 4  # examples of a batch that are asked first which units are alive
PRINTED = 2000  # lines that are kept
SAVED = frozenset(8**k for k in range(1, 12))  # steps after which what was seen is told, should the script be killed
HELD = 8  # models that are kept alive to be looked at in the end
CUTTING = re.compile(r"\.data\b|\.detach\(|\.item\(|\.numpy\(|\.tolist\(|no_grad\(|torch\.tensor\(")


class Enough(BaseException):
    """As many steps were seen as were asked for."""


def sampled(count: int, often: int = OFTEN) -> bool:
    """Whether to look at the thing after so many of its kind."""
    return count < often or count & (count - 1) == 0


def careful(report: Callable[..., None]) -> Callable[..., None]:
    """A report that cannot hurt the script: what goes wrong in it is kept for `Watch.errors`, and costs a report."""

    @functools.wraps(report)
    def reported(watch: Watch, *args: Any) -> None:
        try:
            report(watch, *args)
        except Exception as error:
            watch.errors.append(error)

    return reported


@dataclass
class _Pending:
    """A pass whose consequences are still to be seen."""

    seen: Pass
    parameters: frozenset[int]


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


@dataclass
class _Relu:
    """What a ReLU layer gave since the last count."""

    units: int
    silent: Tensor  # the places of the units that gave nothing but zero
    examples: int = 0
    until: int = 4  # the step at which it is told


@dataclass
class _Evaluating:
    """An evaluation that is going on."""

    backwards: int
    step: int
    lines: list[str]
    batches: list[tuple[int, int]]
    confusion: Counter[tuple[int, int]]


@dataclass
class _Trained:
    """A model that is kept until the end, and what its weights were."""

    module: nn.Module
    first: int


@dataclass
class Watch:
    """What was seen so far, and what is needed to see more; the seams below report to it."""

    limit: int | None = None  # steps after which to stop
    journal: list[Seen] = field(default_factory=list)
    steps: int = 0
    backwards: int = 0
    at_sample: Callable[[], None] = lambda: None  # called now and then

    def __post_init__(self) -> None:
        self.errors: list[Exception] = []
        self.thread = threading.get_ident()
        self.process = os.getpid()
        self.depth = 0
        self.full = True
        self.marking = True  # lines are noted on the graph
        self.pending: dict[int, _Pending] = {}
        self.called: list[tuple[str | None, frozenset[int]]] = []
        self.root: nn.Module | None = None
        self.hand: list[tuple[Tensor, Tensor, Tensor]] = []
        self.phase = 0
        self.learning: bool | None = None
        self.in_phase = 0
        self.counts: dict[object, int] = {}
        self.serials: Any = WeakIdKeyDictionary()
        self.built: Any = WeakIdKeyDictionary()
        self.optimizers: Any = WeakIdKeyDictionary()
        self.rounds: Any = WeakIdKeyDictionary()
        self.trained: dict[int, _Trained] = {}
        self.states: list[tuple[Any, StateTaken]] = []
        self.source = 0
        self.batch: tuple[int, int] | None = None  # loader and size of the last batch
        self.predicted: Any = None
        self.evaluating: dict[int, _Evaluating] = {}
        self.rows: dict[int, set[int]] = {}
        self.trained_rows: list[int] = []
        self.repeats = 0
        self.last_loss = math.nan
        self.trained_sources: set[int] = set()
        self.bytes: dict[int, int] = {}
        self.relus: dict[tuple[str | None, int], _Relu] = {}
        self.probed: set[int] = set()
        self.sites: dict[tuple[tuple[str, ...], int], int] = {}
        self.quiet = False
        self.loss: tuple[float, str] | None = None
        self.backward_where: str | None = None
        self.switched_on: str | None = None
        self.fresh = False

    @property
    def looking(self) -> bool:
        """False in a worker, in another thread, and while the doctor itself is at work."""
        return not self.quiet and threading.get_ident() == self.thread and os.getpid() == self.process

    def note(self, seen: Seen) -> None:
        """One more observation."""
        self.journal.append(seen)

    def serial(self, thing: object) -> int:
        """A number for a model, a parameter or an optimizer; the same one as long as it lives."""
        if thing not in self.serials:
            self.serials[thing] = self.count("serial")
        return self.serials[thing]

    def count(self, kind: object) -> int:
        """How many of this kind there were before this one."""
        self.counts[kind] = self.counts.get(kind, -1) + 1
        return self.counts[kind]

    # what the seams report

    @careful
    def on_pass(self, module: nn.Module, inputs: tuple[Any, ...], frame: FrameType) -> None:
        """The user's code called a model."""
        model, where = self.serial(module), place(frame)
        self.settle(model)
        grad = torch.is_grad_enabled()
        if grad != self.learning:
            self.learning, self.phase, self.in_phase = grad, self.phase + 1, 0
        self.in_phase += 1
        if model not in self.trained:
            self.first_pass(module, model)
        given = next(
            (x for x in inputs if isinstance(x, Tensor) and x.numel() and x.dim() and not x.is_complex()), None
        )
        self.note_rows(given, grad and module.training, frame)
        if grad and self.steps == 1 and model not in self.probed and given is not None and len(given) > 1:
            self.probed.add(model)
            self.probe(module, given, inputs)
        called, switched_on = tuple(self.called), self.switched_on
        self.called, self.switched_on = [], None
        if self.in_phase > 2 and not sampled(self.count(("pass", model, grad, module.training))):
            return
        layers = [(name, layer) for name, layer in module.named_modules() if _has_modes(layer)]
        seen = Pass(
            step=self.steps,
            where=where,
            model=model,
            training=module.training,
            active=tuple(name for name, layer in layers if layer.training),
            idle=tuple(name for name, layer in layers if not layer.training),
            grad=grad,
            backward=False,
            judged=False,
            phase=self.phase,
            input=None if given is None else tensors.describe(given),
            switched_on=switched_on,
            called=called,
        )
        self.pending[model] = _Pending(seen, self.parameters(module))

    def note_rows(self, given: Tensor | None, learning: bool, frame: FrameType) -> None:
        """Where the inputs come from, and what they are, for the first megabytes of each source."""
        if given is None:
            self.source = 0
            return
        if self.batch is not None and self.batch[1] == len(given):
            self.source = self.batch[0]
        elif learning:
            self.source = 0
        else:  # cut by hand: the first batch that this call of the user's functions saw stands for all of them
            lines = list(lines_above(frame))
            site = (tuple(lines[1:] or lines), self.backwards)
            if site not in self.sites:
                self.sites = {site: tensors.digest(given)}
            self.source = self.sites[site]
        if learning and self.source:
            self.trained_sources.add(self.source)
        part = 1 if learning else self.source
        if learning:
            self.trained_sources.add(self.source)
        if self.bytes.get(part, 0) > ROW_BYTES:
            return
        self.bytes[part] = self.bytes.get(part, 0) + given.numel() * given.element_size()
        if learning:
            digests = tensors.row_digests(given)
            self.trained_rows += digests
            self.repeats += len(digests) - len(set(digests))
        else:
            self.rows.setdefault(self.source, set()).update(tensors.row_digests(given))

    @careful
    def probe(self, module: nn.Module, given: Tensor, inputs: tuple[Any, ...]) -> None:
        """On a copy in evaluation mode: does the output of one input depend on another of the batch?"""
        other = given.detach().clone()
        other[0] = given[1]
        if any(
            isinstance(one, nn.modules.batchnorm._NormBase) and not one.track_running_stats for one in module.modules()
        ):
            return
        with self.apart(), _streams_kept(), torch.no_grad(), redirect_stdout(io.StringIO()):
            twin = copy.deepcopy(module).eval()
            for one in twin.modules():
                one._forward_hooks.clear()
                one._forward_pre_hooks.clear()
            state = torch.get_rng_state()
            outputs: list[Any] = []
            for x in (given.detach(), other):
                torch.set_rng_state(state)
                outputs.append(twin(*(x if one is given else one for one in inputs)))
        first, second = (out[0] if isinstance(out, tuple) else out for out in outputs)
        if not isinstance(first, Tensor) or len(first) != len(given):
            return
        change = (first - second)[1:].abs().flatten(1).amax(1) if first.dim() > 1 else (first - second)[1:].abs()
        scale = 1e-4 * float(first.abs().max()) + 1e-12
        self.note(
            Mixing(
                step=self.steps,
                where=self.built.get(module),
                rows=len(given),
                changed=int((change > scale).sum()),
                largest=float(change.max()),
            )
        )

    @contextmanager
    def apart(self) -> Generator[None]:
        """The doctor itself is at work: nothing is noted."""
        self.quiet, depth = True, self.depth
        self.depth = 1
        try:
            yield
        finally:
            self.quiet, self.depth = False, depth

    @careful
    def on_relu(self, result: Tensor, where: str | None) -> None:
        """Which units of a layer gave something else than zero."""
        shape = result.shape[1]
        known = self.relus.get((where, shape))
        if known is None:
            known = self.relus[where, shape] = _Relu(shape, torch.arange(shape, device=result.device))
        if known.until <= self.steps:
            if known.examples:
                self.tell_units(where, known)
            known.silent, known.examples = torch.arange(shape, device=result.device), 0
            known.until = max(16, 2 * self.steps)
        if known.examples < ALIVE:
            # A few examples wake most units; the whole batch is read only for those that stay silent.
            for part in (result[:FEW], result[FEW:]):
                if len(known.silent) and len(part):
                    x = part.detach().index_select(1, known.silent)
                    spoke = (x > 0).any(0) if x.dim() == 2 else (x.transpose(0, 1).flatten(1) > 0).any(1)
                    known.silent = known.silent[~spoke]
            known.examples += len(result)

    def tell_units(self, where: str | None, known: _Relu) -> None:
        """What became of a layer's units."""
        dead = len(known.silent)
        self.note(Units(step=self.steps, where=where, units=known.units, dead=dead, examples=known.examples))

    @careful
    def on_compared(self, a: Any, b: Any, frame: FrameType) -> None:
        """Predictions were compared with labels."""
        predicted = self.predicted
        if predicted is None or (torch.is_grad_enabled() and self.learning):
            return
        truth = b if a is predicted else a if b is predicted else None
        if truth is None:
            same = [x for x in (a, b) if isinstance(x, Tensor) and x.data_ptr() == predicted.data_ptr()]
            truth = (b if same[0] is a else a) if same else None
        if not isinstance(truth, Tensor) or truth.numel() != predicted.numel() or truth.is_floating_point():
            return
        labels, said = truth.detach().reshape(-1).tolist(), predicted.detach().reshape(-1).tolist()
        known = self.evaluating.get(self.source)
        if known is None or known.backwards != self.backwards:
            self.tell_evaluation(self.source)
            lines = list(lines_above(frame))
            known = _Evaluating(self.backwards, self.steps, lines, [], Counter())
            self.evaluating[self.source] = known
        known.batches.append((sum(y == p for y, p in zip(labels, said, strict=True)), len(labels)))
        known.confusion.update(zip(labels, said, strict=True))

    def tell_evaluation(self, source: int) -> None:
        """An evaluation is over."""
        known = self.evaluating.pop(source, None)
        if known is None:
            return
        caller = known.lines[min(1, len(known.lines) - 1)]
        self.note(
            Evaluation(
                step=known.step,
                where=known.lines[0],
                source=source,
                caller=caller,
                text=linecache.getline(caller.rpartition(":")[0], int(caller.rpartition(":")[2])).strip(),
                batches=tuple(known.batches),
                confusion=tuple((y, p, n) for (y, p), n in sorted(known.confusion.items())),
            )
        )

    @careful
    def on_printed(self, text: str, where: str | None) -> None:
        """The script printed a number."""
        for source in list(self.evaluating):
            self.tell_evaluation(source)
        if self.count("printed") < PRINTED:
            self.note(Printed(step=self.steps, where=where, text=text))

    def tell_shared(self) -> None:
        """Which evaluated inputs training saw."""
        trained = set(self.trained_rows)
        parts = {loader.loader: (loader.base, loader.indices) for loader in self.journal if isinstance(loader, Loader)}
        for source, rows in self.rows.items():
            seen = Shared(
                step=self.steps,
                where=None,
                source=source,
                trained=len(self.trained_rows),
                repeats=self.repeats,
                evaluated=len(rows),
                shared=len(rows & trained),
                same_part=source in self.trained_sources
                or (source in parts and any(parts.get(other) == parts[source] for other in self.trained_sources)),
            )
            self.note(seen)

    @careful
    def on_inner(self, module: nn.Module, where: str | None) -> None:
        """A layer was called inside a model."""
        if own := frozenset(self.serial(p) for p in module.parameters(recurse=False)):
            self.called.append((where, own))

    def settle(self, model: int) -> None:
        """The last pass of a model has had its consequences."""
        if pending := self.pending.pop(model, None):
            self.note(pending.seen)

    @careful
    def judge(self) -> None:
        """A loss or the largest score was computed of what the last pass gave."""
        if self.pending:
            last = self.pending[next(reversed(self.pending))]
            last.seen = replace(last.seen, judged=True)

    def learn(self, reached: frozenset[int] | None) -> None:
        """A backward pass went through the models that were called since the last one."""
        for model, pending in list(self.pending.items()):
            if pending.seen.grad and (reached is None or reached & pending.parameters):
                pending.seen = replace(pending.seen, backward=True)
            self.settle(model)

    def first_pass(self, module: nn.Module, model: int) -> None:
        """Look at a model when it is first called."""
        if len(self.trained) >= HELD:
            self.close(next(iter(self.trained)))
        self.trained[model] = _Trained(module, _digest(module))
        self.note(self.describe(module, model))

    def describe(self, module: nn.Module, model: int) -> Model:
        """A model's layers and parameters."""
        names = [(self.serial(p), name, p.requires_grad) for name, p in module.named_parameters()]
        registered = set(module.modules())
        return Model(
            step=self.steps,
            where=self.built.get(module),
            model=model,
            name=type(module).__name__,
            layers=tuple(self.layer(name, layer) for name, layer in module.named_modules()),
            names=tuple(names),
            unregistered=tuple(
                (f"{name}.{attribute}".lstrip("."), self.built.get(hidden), self.parameters(hidden))
                for name, layer in module.named_modules()
                for attribute, hidden in _in_containers(layer)
                if hidden not in registered
            ),
            repeated=tuple(
                (f"{name}.{key}".lstrip("."), self.built.get(layer) or "")
                for name, container in module.named_modules()
                for key, layer in _repeated(container)
            ),
        )

    def parameters(self, module: nn.Module) -> frozenset[int]:
        """The numbers of a module's parameters."""
        return frozenset(self.serial(p) for p in module.parameters())

    def layer(self, name: str, module: nn.Module) -> Layer:
        """One module."""
        weight = module.weight if isinstance(module, nn.Linear | nn.modules.conv._ConvNd) else None
        fan_in = 0 if weight is None else weight[0].numel()
        rate = module.p if isinstance(module, nn.modules.dropout._DropoutNd) else None
        momentum = module.momentum if isinstance(module, nn.modules.batchnorm._NormBase) else None
        return Layer(
            name=name,
            kind=type(module).__name__,
            where=self.built.get(module),
            training=module.training,
            gain=None if weight is None else float(weight.detach().float().square().mean().mul(fan_in).sqrt()),
            rows=0 if weight is None else len(weight),
            distinct=0 if weight is None else tensors.distinct_rows(weight),
            rate=rate,
            momentum=momentum,
            parameters=frozenset(self.serial(p) for p in module.parameters(recurse=False)),
        )

    def wants_relu(self) -> bool:
        """Whether to look at what a ReLU gave: after some steps, for as many examples as are needed."""
        return self.steps >= 4 and self.depth == 1

    def wants_loss(self, name: str, learning: bool) -> bool:
        """Whether to look at a loss."""
        return self.full or self.steps < OFTEN if learning else sampled(self.count(("loss", name)))

    @careful
    def on_loss(self, name: str, given: dict[str, Any], result: Tensor, where: str | None) -> None:
        """One of torch's losses was computed."""
        scores, target = given["input"], given["target"]
        learning = result.requires_grad
        if target.numel() == 0:
            return
        value = float(result.detach()) if result.numel() == 1 else math.nan
        weight = given.get("weight")
        classes = scores.shape[1] if scores.dim() > 1 else 1
        self.note(
            LossCall(
                step=self.steps,
                where=where,
                name=name,
                value=value,
                reduction=given.get("reduction", "mean"),
                rows=len(scores) if scores.dim() else 1,
                classes=classes,
                learning=learning,
                scores=tensors.scores(scores),
                targets=tensors.targets(target, classes),
                origin=tensors.origin(scores),
                weights=tuple(weight.tolist()) if isinstance(weight, Tensor) and weight.dim() == 1 else (),
                half=scores.dtype == torch.float16,
            )
        )
        if learning:
            self.loss = value, name
        if learning and self.full and self.count("graph") < FULL:  # it hardly ever changes
            self.note(
                Graph(
                    step=self.steps,
                    where=where,
                    nonlinear=tensors.nonlinear(scores),
                    depth=tensors.depth(scores),
                    softmax_into_layer=tensors.feeding_layers(scores, "Softmax"),
                    sigmoid_into_layer=tensors.feeding_layers(scores, "Sigmoid"),
                )
            )

    @careful
    def on_backward(self, loss: Tensor, where: str | None) -> None:
        """A backward pass is about to begin."""
        self.by_hand(where)
        self.backwards += 1
        self.fresh = True
        if not self.steps:  # no optimizer, or none that steps
            self.full, self.marking = sampled(self.backwards, FULL), sampled(self.backwards)
        if self.full or self.backward_where is None:
            self.backward_where = where
        for optimizer, known in self.optimizers.items():
            known.backwards += 1
            known.cleared = False
            if known.spent and self.steps < CLOSE:
                known.spent = any(_lives(p.grad) for group in optimizer.param_groups for p in group["params"])
        value = float(loss.detach()) if loss.numel() == 1 else math.nan
        self.last_loss = value
        broken = not math.isfinite(value) and loss.numel() == 1
        leaves = tensors.leaves(loss) if self.full else []
        reached = frozenset(self.serial(leaf) for leaf in leaves) if self.full else None
        self.learn(reached)
        if not self.full and not (broken and sampled(self.count("broken"), 4)):
            return
        factor = value / self.loss[0] if self.loss and self.loss[0] and math.isfinite(value) else None
        self.note(
            Backward(
                step=self.steps,
                where=where,
                value=value,
                finite=not broken,
                has_graph=loss.grad_fn is not None,
                factor=factor,
                reached=reached,
                log_of=tensors.log_of(loss) if self.steps < FULL else None,
            )
        )
        if not self.steps and not self.optimizers:
            self.hand = [(leaf, leaf.detach().clone(), leaf) for leaf in leaves if leaf.is_floating_point()]

    @careful
    def after_backward(self) -> None:
        """A backward pass is over: what the gradients are, where no optimizer will use them."""
        held = [(leaf, before, leaf.grad) for leaf, before, _ in self.hand]
        self.hand = [(leaf, before, grad.detach().clone()) for leaf, before, grad in held if grad is not None]

    def by_hand(self, where: str | None) -> None:
        """Weights that moved between two backward passes though no optimizer stepped: a step by hand."""
        moved = [(p, before, grad) for p, before, grad in self.hand if not torch.equal(p.detach(), before)]
        self.hand = []
        if not moved:
            return
        self.note(
            Step(
                step=self.backwards,
                where=where,
                optimizer=-1,
                kind="by hand",
                settings=(),
                backwards=1,
                stale=any(_lives(p.grad) for p, _, _ in moved),
                cleared_after_backward=False,
                backward_where=self.backward_where,
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
                known.cleared = known.backwards > 0

    @careful
    def on_optimizer(self, optimizer: Optimizer, where: str | None) -> None:
        """An optimizer was built."""
        parameters = frozenset(self.serial(p) for group in optimizer.param_groups for p in group["params"])
        replaces = next(
            (
                known.serial
                for other, known in self.optimizers.items()
                if known.steps
                and parameters & {self.serial(p) for group in other.param_groups for p in group["params"]}
            ),
            None,
        )
        known = _Optimizer(self.serial(optimizer))
        self.optimizers[optimizer] = known
        settings = [_settings(group) for group in optimizer.param_groups]
        self.note(
            OptimizerMade(
                step=self.steps,
                where=where,
                optimizer=known.serial,
                kind=type(optimizer).__name__,
                parameters=parameters,
                remembers=any(one.betas or one.momentum for one in settings) or type(optimizer).__name__ != "SGD",
                replaces=self.counts.get(("replaced", parameters)) if replaces is None else replaces,
            )
        )
        self.counts[("replaced", parameters)] = known.serial

    def before_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """An optimizer is about to make a step."""
        if not self.looking or optimizer not in self.optimizers:
            return
        if self.full:
            held = [p for group in optimizer.param_groups for p in group["params"]]
            self.optimizers[optimizer].before = [p.detach().clone() for p in held]

    def after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """An optimizer made a step."""
        if not self.looking or optimizer not in self.optimizers:
            return
        known: _Optimizer = self.optimizers[optimizer]
        self.on_step(optimizer, known)
        known.before = None
        known.steps += 1
        known.backwards, known.cleared, known.spent = 0, False, True
        self.fresh = False
        self.steps += 1
        self.full, self.marking = sampled(self.steps, FULL), sampled(self.steps)
        self.settle_states()
        if self.steps in SAVED:
            self.at_sample()
        if self.limit is not None and self.steps >= self.limit:
            raise Enough

    @careful
    def on_step(self, optimizer: Optimizer, known: _Optimizer) -> None:
        """What a step did, and at which rate."""
        rate = float(optimizer.param_groups[0].get("lr", math.nan))
        if rate != known.lr:
            known.lr = rate
            self.note(Rates(step=self.steps, optimizer=known.serial, lr=rate))
        if self.steps < CLOSE or self.full:
            self.note(self.step(optimizer, known))

    def step(self, optimizer: Optimizer, known: _Optimizer) -> Step:
        """What a step did."""
        held = [p for group in optimizer.param_groups for p in group["params"]]
        return Step(
            step=self.steps,
            where=place(sys._getframe(1)),
            optimizer=known.serial,
            kind=type(optimizer).__name__,
            settings=tuple(_settings(group) for group in optimizer.param_groups),
            backwards=known.backwards,
            stale=known.spent and known.steps > 0 and known.backwards > 0,
            cleared_after_backward=known.cleared,
            backward_where=self.backward_where,
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
            serial=self.serial(now),
            name="",
            gradient=norm,
            finite=norm is None or math.isfinite(norm),
            weight=float(before.norm()),
            size=now.numel(),
            update=float(change.norm()),
            downhill=0.0 if grad is None else float((change * grad).sum()),
            trainable=now.requires_grad,
        )

    def settle_states(self) -> None:
        """After a step: which states that were taken are still held."""
        for reference, seen in self.states:
            kept = reference() is not None
            self.note(replace(seen, kept=kept))
        self.states.clear()

    @careful
    def on_loaded(self, module: nn.Module, state: Any, missing: Any, unexpected: Any, where: str | None) -> None:
        """A state was loaded into a model."""
        model = self.serial(module)
        live = {tensor.data_ptr() for tensor in _state(module) if tensor.numel()}
        given = [tensor for tensor in state.values() if isinstance(tensor, Tensor)]
        own = {name for name, _ in module.named_parameters()} | {name for name, _ in module.named_buffers()}
        self.note(
            StateLoaded(
                step=self.steps,
                where=where,
                model=model,
                missing=tuple(missing),
                unexpected=tuple(unexpected),
                matched=len(own & set(state)),
                aliases=sum(tensor.data_ptr() in live for tensor in given),
            )
        )

    @careful
    def on_loader(self, loader: Any, iterator: object, where: str | None) -> None:
        """A loader is iterated."""
        first = loader not in self.serials
        serial = self.serial(loader)
        self.rounds[iterator] = [serial, self.count(("round", serial)), 0]
        if not first:
            return
        base, indices = _under(loader.dataset)
        self.note(
            Loader(
                step=self.steps,
                where=where,
                loader=serial,
                dataset=self.serial(loader.dataset),
                base=self.serial(base),
                length=len(loader.dataset) if hasattr(loader.dataset, "__len__") else 0,
                batch=loader.batch_size or 0,
                drop_last=loader.drop_last,
                workers=loader.num_workers,
                indices=indices,
                generators=tuple(name for name, value in vars(base).items() if _draws(value)),
                seeded=loader.worker_init_fn is not None,
                classes=_class_map(base),
            )
        )

    @careful
    def on_batch(self, iterator: object, batch: Any) -> None:
        """A loader gave a batch."""
        if iterator not in self.rounds:
            return
        known = self.rounds[iterator]
        serial, turn, number = known
        known[2] += 1
        first = batch[0] if isinstance(batch, list | tuple) and batch else None
        self.batch = (serial, len(first)) if isinstance(first, Tensor) else None
        if not (turn < OFTEN and number < OFTEN) or not isinstance(batch, list | tuple) or len(batch) < 2:
            return
        images, labels = batch[0], batch[1]
        if isinstance(images, Tensor) and isinstance(labels, Tensor):
            known = tuple(labels.reshape(-1).tolist()) if labels.dim() == 1 and not labels.is_floating_point() else ()
            digest = tensors.digest(images)
            self.note(Batch(step=self.steps, loader=serial, round=turn, place=number, images=digest, labels=known))

    @careful
    def close(self, model: int) -> None:
        """A model's training is over."""
        held = self.trained.pop(model)
        self.note(
            Trained(step=self.steps, model=model, first=held.first, last=_digest(held.module), backwards=self.backwards)
        )

    def finish(self) -> None:
        """The training is over."""
        for model in list(self.pending):
            self.settle(model)
        self.settle_states()
        for source in list(self.evaluating):
            self.tell_evaluation(source)
        for (where, _), known in self.relus.items():
            self.tell_units(where, known)
        self.tell_shared()
        for model in list(self.trained):
            self.close(model)
        for path in {
            line.rpartition(":")[0] for seen in self.journal if isinstance(seen, Pass) for line in _lines(seen)
        }:
            text = enumerate(linecache.getlines(path), 1)
            self.note(Cuts(step=self.steps, path=path, lines=tuple(n for n, line in text if CUTTING.search(line))))
        self.note(End(step=self.steps, backwards=self.backwards, loss=self.last_loss))


def _lines(seen: Pass) -> list[str]:
    return [line for line, _ in seen.called if line]


@contextmanager
def _streams_kept() -> Generator[None]:
    """All random streams are afterwards where they were."""
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def _lives(grad: Tensor | None) -> bool:
    return grad is not None and not grad.is_sparse and bool(grad.any())


def _digest(module: nn.Module) -> int:
    return hash(tuple(tensors.digest(p) for p in module.parameters()))


def _state(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def _has_modes(layer: nn.Module) -> bool:
    """Whether training and evaluation differ for a layer: an active dropout, or a batch norm with statistics."""
    if isinstance(layer, nn.modules.dropout._DropoutNd):
        return layer.p > 0
    return isinstance(layer, nn.modules.batchnorm._BatchNorm)


def _in_containers(module: nn.Module) -> Generator[tuple[str, nn.Module]]:
    """Modules in plain lists and dicts that are attributes of a module."""
    for name, value in vars(module).items():
        inside: list[Any] = []
        if isinstance(value, list | tuple):
            inside = list(value)
        elif isinstance(value, dict) and not name.startswith("_"):
            inside = list(value.values())
        yield from ((name, item) for item in inside if isinstance(item, nn.Module))


def _repeated(container: nn.Module) -> Generator[tuple[str, nn.Module]]:
    """Layers with parameters that a container holds more than once, by their later places."""
    if not isinstance(container, nn.Sequential | nn.ModuleList):
        return
    met: set[nn.Module] = set()
    for key, layer in container._modules.items():
        if layer in met:
            yield key, layer
        elif next(layer.parameters(), None) is not None:
            met.add(layer)


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


def _under(dataset: Dataset[Any]) -> tuple[Dataset[Any], frozenset[int] | None]:
    """The dataset under all subsets, and which of its items are used; None: all."""
    indices: list[int] | None = None
    while isinstance(dataset, Subset):
        inner = [int(i) for i in dataset.indices]
        indices = inner if indices is None else [inner[i] for i in indices]
        dataset = dataset.dataset
    return dataset, None if indices is None else frozenset(indices)


def _draws(value: object) -> bool:
    return type(value).__name__ in ("Generator", "RandomState", "Random") and hasattr(value, "__class__")


def _class_map(dataset: Any) -> tuple[tuple[str, int], ...]:
    known = vars(dataset).get("class_to_idx") if hasattr(dataset, "__dict__") else None
    return tuple(sorted((str(k), int(v)) for k, v in known.items())) if isinstance(known, dict) else ()
