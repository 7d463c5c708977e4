"""What was seen of a training so far; the seams report to it, and its topics remember what is needed to see more.

What is read is read without a random number, without a gradient and without keeping a graph alive; the first steps are
looked at closely, later ones at each power of two.
"""

from __future__ import annotations

import linecache
import math
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import CInterpreter, TransformType, get_interpreter_stack

from fairtrial.doctor import tensors
from fairtrial.doctor.identity import ByIdentity
from fairtrial.doctor.lines import HERE, foreign, listing, own, place
from fairtrial.doctor.observations import Backward, Dropped, End, Entered, Graph, LossCall, Pass, Seen, Source, Subject
from fairtrial.doctor.watched.blends import Blends
from fairtrial.doctor.watched.examples import Examples
from fairtrial.doctor.watched.inputs import Inputs
from fairtrial.doctor.watched.loaders import Loaders
from fairtrial.doctor.watched.losses import Losses
from fairtrial.doctor.watched.models import Models, at_rest, has_modes
from fairtrial.doctor.watched.norms import Norms
from fairtrial.doctor.watched.part import FULL, OFTEN, careful, sampled
from fairtrial.doctor.watched.rounds import Rounds
from fairtrial.doctor.watched.scoring import Scoring
from fairtrial.doctor.watched.sources import Sources
from fairtrial.doctor.watched.states import States
from fairtrial.doctor.watched.steps import Steps
from fairtrial.doctor.watched.tape import Tape
from fairtrial.doctor.watched.transformers import Transformers
from fairtrial.doctor.watched.units import Units
from fairtrial.doctor.watched.variables import argument
from fairtrial.doctor.watched.weights import Weights
from fairtrial.doctor.watched.workers import Workers
from fairtrial.doctor.watched.writes import Writes

TEACHING = frozenset(
    ("backward", "step", "grad", "no_grad", "inference_mode", "argmax", "cross_entropy")
)  # functions do
SAVED = frozenset(8**k for k in range(1, 12))  # steps after which what was seen is told, should the script be killed


class Enough(BaseException):
    """As many steps were seen as were asked for."""


@dataclass
class _Pending:
    """A pass whose consequences are still to be seen."""

    seen: Pass
    parameters: frozenset[int]


@dataclass
class Watch:
    """What was seen so far; the seams report to it and to its topics."""

    limit: int | None = None  # steps after which to stop
    journal: list[Seen] = field(default_factory=list)
    steps: int = 0
    backwards: int = 0
    at_sample: Callable[[], None] = lambda: None  # called now and then
    switch: Callable[[str, bool], None] = lambda group, wanted: None  # reports of a group begin or cease

    def __post_init__(self) -> None:
        self.errors: list[Exception] = []
        self.thread = threading.get_ident()
        self.process = os.getpid()
        self.quiet = False  # the doctor itself is at work
        self.mapped = False  # something came from inside torch.vmap
        self.depth = 0  # inside a model
        self.root: nn.Module | None = None  # the model that is at work
        self.full = True  # this step is looked at whole
        self.marking = True  # lines are noted on the graph
        self.counts: dict[object, int] = {}
        self.serials: ByIdentity[int] = ByIdentity()
        self.built: ByIdentity[str | None] = ByIdentity()  # the line that built a module
        self.pending: dict[int, _Pending] = {}
        self.called: list[tuple[str | None, frozenset[int]]] = []
        self.switched_on: str | None = None
        self.called_with: dict[bool, tuple[str, ...]] = {}  # functions that have modes, by the mode they were called in
        self.entered: Entered | None = None
        self.before: tuple[tuple[str, str], ...] = ()  # lines of the user's layers before the first one with weights
        self.phase = 0
        self.by_hand: dict[int, int] = {}  # weights that data are multiplied with: backward passes before it last was
        self.learning: bool | None = None
        self.in_phase = 0
        self.loss: tuple[float, str] | None = None
        self.last_loss = math.nan
        self.backward_where: str | None = None
        self.scaled = False  # a GradScaler scaled the last loss, and nobody took that off the gradients
        self.fresh = False  # a backward came, and no step since
        self.graphed = False  # what is behind the loss was looked at
        self.inputs, self.loaders, self.models = Inputs(self), Loaders(self), Models(self)
        self.optimizers, self.scoring, self.states = Steps(self), Scoring(self), States(self)
        self.weights, self.writes = Weights(self), Writes(self)
        self.units, self.tape, self.sources, self.losses = Units(self), Tape(self), Sources(self), Losses(self)
        self.examples, self.workers, self.norms = Examples(self), Workers(self), Norms(self)
        self.transformers, self.blends, self.rounds = Transformers(self), Blends(self), Rounds(self)

    @property
    def looking(self) -> bool:
        """False in a worker, in another thread, inside vmap, and while the doctor itself is at work."""
        here = not self.quiet and threading.get_ident() == self.thread and os.getpid() == self.process
        if here and (levels := get_interpreter_stack()) and _within_vmap(levels):
            self.mapped = True
            return False
        return here

    def note(self, seen: Seen) -> None:
        """One more observation."""
        self.journal.append(seen)

    def serial(self, thing: object) -> int:
        """A number for a model, a parameter or an optimizer; the same one as long as it lives."""
        number = self.serials.get(thing)
        if number is None:
            number = self.count("serial")
            with suppress(TypeError):  # a plain list, which may be a dataset, gets a new one each time
                self.serials[thing] = number
        return number

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
        grad = self.turn()
        if model not in self.models.trained:
            self.models.meet(module, model)
        given = next(
            (x for x in inputs if isinstance(x, Tensor) and x.numel() and x.dim() and not x.is_complex()), None
        )
        rows = 0 if given is None else given.shape[0]  # len() takes ten times as long
        self.sources.note("learned" if grad else "evaluated", where, frame)
        self.inputs.note(given, model, where, frame, module.training, module.parameters())
        self.examples.note(given, where)
        self.transformers.note(given, where)
        if given is not None and not grad:
            self.rounds.on_evaluated(given, model, frame)
        self.norms.note(module, model, inputs, rows)
        self.scoring.on_judged(grad and module.training)
        if grad and self.steps == 1 and model not in self.models.probed and given is not None and rows > 1:
            self.models.probed.add(model)
            self.models.probe(module, given, inputs)
        if self.full:
            self.models.follow(module, model)
        called, switched_on, called_with = tuple(self.called), self.switched_on, self.called_with
        entered, self.entered, self.before = self.entered, None, ()
        self.called, self.switched_on, self.called_with = [], None, {}
        alone = grad and module.training and rows == 1 and sampled(self.count("alone"))
        if self.in_phase > 2 and not alone and not sampled(self.count(("pass", model, grad, module.training, where))):
            return
        layers = [(name, layer) for name, layer in module.named_modules() if has_modes(layer)]
        still = at_rest(module) if grad and not module.training else set[nn.Module]()
        seen = Pass(
            step=self.steps,
            where=where,
            model=model,
            training=module.training,
            active=(*(name for name, layer in layers if layer.training), *called_with.get(True, ())),
            idle=(
                *(name for name, layer in layers if not layer.training and layer not in still),
                *called_with.get(False, ()),
            ),
            grad=grad,
            backward=False,
            judged=False,
            phase=self.phase,
            input=None if given is None else tensors.describe(given),
            loader=self.inputs.batch[0] if self.inputs.batch else None,
            source=self.inputs.source,
            switched_on=switched_on,
            called=called,
            put=self.models.put_at(module),
            switched=tuple(self.models.switched.get(module, ())),
            entered=entered,
        )
        if grad and given is not None and seen.input is not None:
            self.inputs.repeat(seen.input.digest, given, where, frame)
        self.pending[model] = _Pending(seen, self.models.parameters(module, learning=True))

    def turn(self) -> bool:
        """One more pass, with gradients or without: passes of either kind in a row make a phase."""
        grad = torch.is_grad_enabled()
        if grad != self.learning:
            self.learning, self.phase, self.in_phase = grad, self.phase + 1, 0
        self.in_phase += 1
        return grad

    @careful
    def on_product(self, operands: list[Tensor], frame: FrameType) -> None:
        """Data were multiplied by hand with weights that learn: a pass of a model that is no module."""
        x = next((one for one in operands if not one.requires_grad and one.dim() > 1), None)
        weight = next((one for one in operands if one.requires_grad and one.is_leaf), None)
        if x is None or weight is None or self.models.trained:
            return
        model, grad = self.serial(weight), torch.is_grad_enabled()
        if (self.by_hand.get(model) == self.backwards) if grad else (model not in self.by_hand):
            return  # a later layer, or the same one again
        if grad:
            self.by_hand[model] = self.backwards
        self.settle(model)
        self.turn()
        frames = list(own(frame))
        asking = next((one for one in frames if TEACHING & set(one.f_code.co_names)), frame)
        where = place(asking)
        about: Subject = "learned" if grad else "evaluated"
        if (about, where) not in self.sources.calls:
            called = frames[frames.index(asking) - 1] if asking in frames[1:] else None
            self.sources.note(about, where, asking, None if called is None else argument(called, x))
        self.inputs.note(x, model, where, asking, grad, [weight])
        self.examples.note(x, where)
        self.transformers.note(x, where)
        if not grad:
            self.rounds.on_evaluated(x, model, asking)
        self.scoring.on_judged(grad)
        if self.in_phase > 2 and not sampled(self.count(("pass", model, grad, where))):
            return
        seen = Pass(
            step=self.steps,
            where=where,
            model=model,
            training=grad,
            active=(),
            idle=(),
            grad=grad,
            backward=False,
            judged=False,
            phase=self.phase,
            input=tensors.describe(x),
            loader=self.inputs.batch[0] if self.inputs.batch else None,
            source=self.inputs.source,
        )
        if grad and seen.input is not None:
            self.inputs.repeat(seen.input.digest, x, where, asking)
        self.pending[model] = _Pending(seen, frozenset({model}))

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
    def on_inner(self, module: nn.Module, inputs: tuple[Any, ...], frame: FrameType) -> None:
        """A layer was called inside a model."""
        if own := frozenset(self.serial(p) for p in module.parameters(recurse=False)):
            where = place(frame)
            if not self.called and inputs and isinstance(inputs[0], Tensor) and inputs[0].numel():
                self.entered = Entered(where, type(module).__name__, tensors.describe(inputs[0]), self.before)
                self.sources.note("learned", where, frame)
            self.called.append((where, own))
        elif not self.called and not any(True for _ in module.parameters()):
            forward = type(module).forward
            self.before = (
                self.before if foreign(forward.__code__.co_filename) else (*listing(forward)[::-1], *self.before)
            )

    def settle(self, model: int) -> None:
        """The last pass of a model has had its consequences."""
        if pending := self.pending.pop(model, None):
            self.note(pending.seen)

    @careful
    def on_dropout(self, rate: float, frame: FrameType) -> None:
        """The user's code called dropout() itself, with a high rate."""
        where = place(frame)
        if self.looking and not self.count(("dropout", where)):
            self.note(Dropped(step=self.steps, where=where, rate=rate))

    @careful
    def judge(self) -> None:
        """A loss or the largest score was computed of what the last pass gave, or several that lead to it."""
        if self.pending:
            last = self.pending[next(reversed(self.pending))].seen
            for pending in self.pending.values():
                if pending.seen.phase == last.phase:
                    pending.seen = replace(pending.seen, judged=True)

    def learn(self, reached: frozenset[int] | None) -> None:
        """A backward pass went through the models that were called since the last one."""
        for model, pending in list(self.pending.items()):
            if pending.seen.grad and (pending.parameters if reached is None else reached & pending.parameters):
                pending.seen = replace(pending.seen, backward=True)
                self.inputs.learned.add(pending.seen.where or "")
            self.settle(model)

    def wants_loss(self, name: str, learning: bool) -> bool:
        """Whether to look at a loss."""
        return self.full or self.steps < OFTEN if learning else sampled(self.count(("loss", name)))

    @careful
    def on_loss(self, name: str, given: dict[str, Any], result: Tensor, where: str | None, built: str | None) -> None:
        """One of torch's losses was computed."""
        scores, target = given["input"], given["target"]
        learning = result.requires_grad
        if target.numel() == 0:
            return
        if scores.dim() == 1 and target.dim() < 2 and name in ("cross_entropy", "nll_loss"):  # of one example
            scores, target = scores[None], target[None]
        value = float(result.detach()) if result.numel() == 1 else math.nan
        weight = given.get("weight")
        classes = scores.shape[1] if scores.dim() > 1 else 1
        call = LossCall(
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
            built=built,
        )
        self.note(call)
        if learning:
            self.loss = value, name
            if self.full:
                self.losses.remember(call, result, target)
        if learning and self.full:
            self.note_graph(where, scores.grad_fn)

    def note_graph(self, where: str | None, *ends: Any) -> None:
        """What is behind the scores, or the last layers, of a loss: it hardly ever changes."""
        self.graphed = True
        if self.count("graph") < FULL:
            self.note(
                Graph(
                    step=self.steps,
                    where=where,
                    nonlinear=tensors.nonlinear(*ends),
                    depth=tensors.depth(*ends),
                    squashed=tensors.squashed(*ends),
                )
            )

    @careful
    def on_backward(self, loss: Tensor, frame: FrameType) -> None:
        """A backward pass is about to begin."""
        where = place(frame)
        if self.scoring.frames:
            self.scoring.release()
        self.writes.listen(False)
        self.optimizers.before_backward(where)
        self.backwards += 1
        self.units.wake()
        self.fresh = True
        if not self.steps:  # no optimizer, or none that steps
            self.sample(self.backwards)
        if self.full or self.backward_where is None:
            self.backward_where = where
            self.rounds.on_backward(frame)
        value = float(loss.detach()) if loss.numel() == 1 else math.nan
        self.last_loss = value
        self.tape.on_backward(loss, value, frame)
        broken = not math.isfinite(value) and loss.numel() == 1
        several = sum(pending.seen.grad for pending in self.pending.values()) > 1  # one may be there to be imitated
        leaves = tensors.leaves(loss) if self.full or several else []
        reached = frozenset(self.serial(leaf) for leaf in leaves) if self.full or several else None
        self.learn(reached)
        if not self.full and not (broken and sampled(self.count("broken"), 4)):
            return
        self.losses.before_backward(
            loss,
            Backward(
                step=self.steps,
                where=where,
                value=value,
                finite=not broken,
                has_graph=loss.grad_fn is not None,
                factor=value / self.loss[0] if self.loss and self.loss[0] and math.isfinite(value) else None,
                reached=reached,
                log_of=tensors.log_of(loss) if self.steps < FULL else None,
                scaled=self.scaled,
                singular=tensors.singular(loss),
            ),
            frame,
        )
        if not self.graphed and (layers := tensors.head(loss).layers):
            self.note_graph(where, *layers)
        self.graphed = False
        self.optimizers.hold(leaves)
        self.weights.hold(loss)
        self.units.before_backward(loss)

    def advance(self) -> None:
        """An optimizer made a step."""
        self.fresh = False
        self.steps += 1
        self.units.wake()
        self.sample(self.steps)
        self.states.settle()
        if self.steps in SAVED:
            self.at_sample()
        if self.limit is not None and self.steps >= self.limit:
            raise Enough

    def sample(self, count: int) -> None:
        """How closely to look, after so many steps."""
        self.full, marking = sampled(count, FULL), sampled(count)
        if marking != self.marking:
            self.marking = marking
            self.switch("marking", marking)

    def finish(self) -> None:
        """The training is over."""
        self.states.pointers.clear()
        for model in list(self.pending):
            self.settle(model)
        self.scoring.release()
        for part in (
            self.optimizers,
            self.states,
            self.scoring,
            self.units,
            self.norms,
            self.inputs,
            self.models,
            self.examples,
            self.transformers,
            self.rounds,
            self.sources,
            self.workers,
        ):
            part.finish()
        for path in sorted({line.rpartition(":")[0] for seen in self.journal for line in _lines(seen)}):
            self.note(Source(step=self.steps, path=path, lines=tuple(linecache.getlines(str(HERE / path)))))
        self.note(End(step=self.steps, backwards=self.backwards, loss=self.last_loss))
        self.tape.finish()


def _within_vmap(levels: list[CInterpreter]) -> bool:
    """Whether tensors stand for many at once, whose numbers cannot be read."""
    return any(level.key() == TransformType.Vmap for level in levels)


def _lines(seen: Seen) -> list[str]:
    """The lines of a pass or of a backward pass."""
    lines = [seen.where, *(line for line, _ in seen.called)] if isinstance(seen, Pass) else [seen.where]
    return [line for line in lines if line] if isinstance(seen, Pass | Backward) else []
