"""The first steps on tape, to make them again from the same state with one thing changed: trying a fix.

Only what can be made again is on tape: one model whose output goes into one of torch's losses, whose value goes into
`backward` as it is, one optimizer, one backward pass a step.
"""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import copy
import io
import math
import weakref
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, field, replace
from statistics import mean, stdev
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.optimizer import Optimizer
from torch.overrides import TorchFunctionMode

from fairtrial.doctor.journal import Journal
from fairtrial.doctor.loops import outermost
from fairtrial.doctor.observations import Curve, Tried, Weights
from fairtrial.doctor.symptoms.everything import suspected
from fairtrial.doctor.symptoms.tried import held_down
from fairtrial.doctor.watched.models import streams_kept
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

STEPS = 100  # on tape at most
BYTES = 64_000_000  # on tape at most, and of the model's state
CURVE = 100_000  # losses that are kept
FITTED = 64  # examples that a net of any use can learn by heart
PIECES = 16  # a large batch is cut into
BY_HEART = 3e-3  # Adam's rate to learn them
ENOUGH = 10  # steps on tape, to try anything
UNSEEN = 8  # batches of an evaluation that are kept
SATURATING = ("sigmoid", "tanh", "softmax")
Call = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]  # a function of torch's, with its arguments
Gains = dict[str, float]  # of weights by their names: deviation times the root of the inputs


@dataclass
class _Turn:
    """One step: what the model and the loss were given, and what came out."""

    inputs: tuple[Any, ...]
    keywords: dict[str, Any]
    loss: str
    given: dict[str, Any]  # the loss's arguments but the scores
    shape: torch.Size  # of the scores
    value: float = math.nan
    rates: list[float] = field(default_factory=list)  # of the optimizer's groups

    @property
    def rows(self) -> int:
        """Examples."""
        return self.shape[0]


@dataclass(frozen=True)
class _Judged:
    """A batch of an evaluation."""

    backwards: int
    inputs: tuple[Any, ...]
    keywords: dict[str, Any]
    truth: Tensor


@dataclass(frozen=True)
class Change:
    """What is done otherwise when the steps are made again."""

    said: str
    rate: float = 1.0
    decay: float = 1.0
    settings: tuple[tuple[str, Any], ...] = ()  # of the optimizer, where it has them
    model: Callable[[nn.Module, Gains], None] = lambda module, gains: None
    call: Call | None = None  # how torch's functions are called
    inputs: Callable[[Tensor, Tensor], Tensor] = lambda x, known: x  # known: inputs of all steps


def _fresh(module: nn.Module, gains: Gains) -> None:
    """The size that torch's own start gives weights."""
    _sized(module, gains, 3**-0.5)


def _sized(module: nn.Module, gains: Gains, wanted: float) -> None:
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if gain := gains.get(name):
                parameter.mul_(wanted / gain)


class _Calls(TorchFunctionMode):
    """Torch's functions are called in another way."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self.call(func, args, kwargs or {})


def _weaker_dropout(function: Any, args: tuple[Any, ...], words: dict[str, Any]) -> Any:
    if "dropout" not in function.__name__:
        return function(*args, **words)
    x, rate, *rest = args if len(args) > 1 else (*args, words.pop("p", 0.5))
    return function(x, min(rate, 0.2), *rest, **words)


def _relu(function: Any, args: tuple[Any, ...], words: dict[str, Any]) -> Any:
    """ReLU in place of what saturates."""
    return torch.relu(args[0]) if function.__name__ in SATURATING else function(*args, **words)


def _rectified(module: nn.Module, gains: Gains) -> None:
    """A start that fits ReLU."""
    _sized(module, gains, 2**0.5)


def _standardised(x: Tensor, known: Tensor) -> Tensor:
    """Rows of a table column by column, pictures as a whole."""
    if not x.is_floating_point():
        return x
    if known.dim() == 2 and len(known) > 1:
        spread = known.std(0)
        return (x - known.mean(0)) / spread.where(spread > 0, 1)
    return (x - known.mean()) / known.std().clamp_min(1e-8)


CHANGES: dict[str, Change] = {
    "extreme-optimizer-settings": Change(
        "usual settings of the optimizer", settings=(("eps", 1e-8), ("betas", (0.9, 0.999)), ("momentum", 0.9))
    ),
    "lr-too-high": Change("a tenth of the learning rate", rate=0.1),
    "lr-too-low": Change("ten times the learning rate", rate=10),
    "input-scale": Change("standardised inputs", inputs=_standardised),
    "init-too-large": Change("torch's own start for each layer", model=_fresh),
    "init-too-small": Change("torch's own start for each layer", model=_fresh),
    "over-regularised": Change("a hundredth of the weight decay", decay=0.01),
    "dropout-too-strong": Change("dropout of at most 0.2", call=_weaker_dropout),
    "saturating-hidden-activation": Change("ReLU between the layers", model=_rectified, call=_relu),
    "vanishing-gradient": Change("ReLU between the layers, and a start that fits it", model=_rectified, call=_relu),
}


class Tape(Part):
    """The first steps, and every loss."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.losses: list[float] = []
        self.held: dict[int, list[tuple[float, int]]] = {}  # by backward passes so far: evaluation losses and rows
        self.held_at: dict[int, int] = {}  # by the same: steps
        self.turns: list[_Turn] = []
        self.open = True
        self.bytes = 0
        self.module: nn.Module | None = None
        self.state: dict[str, Tensor] = {}
        self.modes: list[bool] = []
        self.learning: list[bool] = []  # parameters, at the start: what was trained may be frozen later
        self.kind: type[Optimizer] | None = None
        self.groups: list[tuple[dict[str, Any], list[str]]] = []
        self.output: tuple[Any, tuple[Any, ...], dict[str, Any]] | None = None
        self.turn: tuple[_Turn, Any] | None = None
        self.loop: str | None = None
        self.judged: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self.unseen: list[_Judged] = []

    def close(self) -> None:
        """What comes cannot be made again: nothing of it will."""
        self.open = False
        self.turns.clear()

    @careful
    def before_call(self, module: nn.Module) -> None:
        """The user's code calls a model: the first time its state is kept."""
        if not self.open or not torch.is_grad_enabled() or self.module is module:
            return
        if self.module is not None:
            self.close()
            return
        state = _tensors(module)
        if not state or sum(t.numel() * t.element_size() for t in state.values()) > BYTES:
            self.close()
            return
        self.module = module
        self.state = {name: tensor.detach().clone() for name, tensor in state.items()}
        self.modes = [layer.training for layer in module.modules()]
        self.learning = [parameter.requires_grad for parameter in module.parameters()]

    def after_call(self, module: nn.Module, inputs: tuple[Any, ...], keywords: dict[str, Any], result: Any) -> None:
        """What the model gave."""
        if module is self.module and not torch.is_grad_enabled() and not module.training:
            self.judged = inputs, keywords
        if self.open and module is self.module and isinstance(result, Tensor) and result.requires_grad:
            self.output = weakref.ref(result), inputs, keywords

    @careful
    def on_loss(self, name: str, given: dict[str, Any], result: Tensor) -> None:
        """One of torch's losses was computed."""
        scores = given["input"]
        if not result.requires_grad:
            if result.numel() == 1 and len(self.held) < CURVE:
                self.held.setdefault(self.watch.backwards, []).append((float(result), len(scores)))
                self.held_at[self.watch.backwards] = self.watch.steps
            if (truth := given["target"]).dim() == 1 and not truth.is_floating_point():
                self.on_compared(truth)
            return
        if not self.open or self.output is None:
            return
        output = self.output[0]()
        if output is None or scores.numel() != output.numel() or scores.data_ptr() != output.data_ptr():
            return
        _, inputs, keywords = self.output
        kept = {key: _kept(value) for key, value in given.items() if key != "input"}
        turn = _Turn(tuple(map(_kept, inputs)), {k: _kept(v) for k, v in keywords.items()}, name, kept, scores.shape)
        self.turn, self.output = (turn, weakref.ref(result)), None

    @careful
    def on_compared(self, truth: Tensor) -> None:
        """The largest scores of the last pass were compared with these labels: kept, for the latest evaluation."""
        if self.judged is None or not self.turns or len(truth) != len(next(iter(self.judged[0]), ())):
            return
        if self.unseen and self.unseen[-1].backwards != self.watch.backwards:
            self.unseen.clear()
        if len(self.unseen) < UNSEEN:
            self.unseen.append(_Judged(self.watch.backwards, *self.judged, truth))
        self.judged = None

    @careful
    def on_backward(self, loss: Tensor, value: float, frame: FrameType) -> None:
        """A backward pass is about to begin."""
        if not self.losses:
            self.loop = outermost(frame)
        if len(self.losses) < CURVE:
            self.losses.append(value)
        if not self.open:
            return
        if self.turn is None or self.turn[1]() is not loss or not math.isnan(self.turn[0].value):
            self.close()
            return
        self.turn[0].value = value

    @careful
    def on_step(self, optimizer: Optimizer) -> None:
        """An optimizer made a step."""
        if not self.open or self.turn is None or self.module is None:
            return self.close() if self.open else None
        turn, self.turn = self.turn[0], None
        if not self.turns:
            names = {id(p): name for name, p in self.module.named_parameters()}
            if any(id(p) not in names for group in optimizer.param_groups for p in group["params"]):
                return self.close()
            self.kind = type(optimizer)
            self.groups = [
                ({k: v for k, v in group.items() if k != "params"}, [names[id(p)] for p in group["params"]])
                for group in optimizer.param_groups
            ]
        elif type(optimizer) is not self.kind or len(optimizer.param_groups) != len(self.groups):
            return self.close()
        turn.rates = [float(group["lr"]) for group in optimizer.param_groups]
        self.turns.append(turn)
        tensors = [x for x in (*turn.inputs, *turn.given.values()) if isinstance(x, Tensor)]
        self.bytes += sum(x.numel() * x.element_size() for x in tensors)
        self.open = len(self.turns) < STEPS and self.bytes < BYTES
        return None

    def twin(self, state: dict[str, Tensor] | None = None) -> nn.Module:
        """A copy of the model, in this state or as it is, in the modes of training, without anybody's hooks."""
        twin = copy.deepcopy(self.module)
        assert twin is not None
        if state is not None:
            with torch.no_grad():
                for name, tensor in _tensors(twin).items():
                    tensor.copy_(state[name])
        for parameter, learning in zip(twin.parameters(), self.learning, strict=True):
            parameter.requires_grad_(learning)
        for layer, training in zip(twin.modules(), self.modes, strict=True):
            layer.training = training
            layer._forward_hooks.clear()
            layer._forward_pre_hooks.clear()
            layer._backward_hooks.clear()
        return twin

    def like_the_scripts(self, twin: nn.Module, change: Change) -> Optimizer:
        """A new optimizer of the script's kind and settings."""
        assert self.kind is not None
        own = dict(twin.named_parameters())
        groups: list[dict[str, Any]] = []
        for settings, names in self.groups:
            group = settings | {name: value for name, value in change.settings if name in settings}
            group["weight_decay"] = settings.get("weight_decay", 0.0) * change.decay
            groups.append({**group, "params": [own[name] for name in names]})
        return self.kind(groups, lr=self.turns[0].rates[0])  # pyright: ignore[reportCallIssue]  # what it takes is its own

    def train(self, twin: nn.Module, optimizer: Optimizer, turns: list[_Turn], change: Change) -> list[float]:
        """The losses of these steps."""
        known = _known(turns)
        losses: list[float] = []
        for turn in turns:
            for group, rate in zip(optimizer.param_groups, turn.rates, strict=False):
                group["lr"] = rate * change.rate
            inputs = [change.inputs(x, known) if isinstance(x, Tensor) else x for x in turn.inputs]
            with _Calls(change.call) if change.call else nullcontext():
                scores = twin(*inputs, **turn.keywords).reshape(turn.shape)
            loss: Tensor = getattr(functional, turn.loss)(scores, **turn.given)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses

    def again(self, change: Change, turns: list[_Turn] | None = None) -> list[float]:
        """The losses of the steps, made again from the first state with this change."""
        twin = self.twin(self.state)
        change.model(twin, self.gains())
        return self.train(twin, self.like_the_scripts(twin, change), turns or self.turns, change)

    def gains(self) -> Gains:
        """How large the model's weights were at the start."""
        assert self.module is not None
        seen = {one.parameter: one.gain for one in self.watch.journal if isinstance(one, Weights) and not one.step}
        return {name: seen.get(self.watch.serial(p), 0.0) for name, p in self.module.named_parameters()}

    @careful
    def finish(self) -> None:
        """The training is over: try what could mend it."""
        self.open = False
        self.note_curve()
        wanted = suspected(self.watch.journal) if len(self.turns) >= ENOUGH else ()
        if not wanted:
            return
        with self.watch.apart(), streams_kept(), torch.enable_grad(), redirect_stdout(io.StringIO()):
            torch.manual_seed(0)
            recorded, control = [turn.value for turn in self.turns], self.again(Change("nothing"))
            if "clipping-too-tight" in wanted:
                self.compare("clipping-too-tight", "no clipping", recorded, control)
            if not _alike(control, recorded):
                return
            for fault in wanted:
                if change := CHANGES.get(fault):
                    self.compare(fault, change.said, control, self.again(change))
            if times := held_down(Journal(self.watch.journal)):
                change = Change("the optimizer's own learning rate where the schedule is highest", rate=times)
                self.compare("schedule-too-fast", change.said, control, self.again(change))
            for fault, attempt in (
                ("unsuitable-capacity", self.learn_by_heart),
                ("unsuitable-batch-size", self.cut),
                ("under-trained", self.go_on),
            ):
                if fault in wanted:
                    attempt()

    def note_curve(self) -> None:
        """Note every loss."""
        held = tuple(
            sum(value * rows for value, rows in seen) / sum(rows for _, rows in seen)
            for _, seen in sorted(self.held.items())
        )
        rows = self.turns[0].rows if self.turns else 0
        self.watch.note(
            Curve(
                step=self.watch.steps,
                losses=tuple(self.losses),
                held=held,
                held_at=tuple(self.held_at[count] for count in sorted(self.held)),
                rows=rows,
                loop=self.loop,
            )
        )

    def compare(self, fault: str, said: str, plain: list[float], changed: list[float]) -> None:
        """Note the losses of the last third of the steps, as they were and with the change."""
        a, b = _end(plain), _end(changed)
        differences = [x - y for x, y in zip(a, b, strict=True)]
        finite = all(map(math.isfinite, differences))
        error = stdev(differences) / math.sqrt(len(differences)) if finite else 0.0
        peak = max(changed) if all(map(math.isfinite, changed)) else math.inf
        self.tell(fault, said, len(plain), _mean(a), _mean(b), error, peak)

    def tell(
        self, fault: str, said: str, steps: int, before: float, after: float, error: float, peak: float = 0.0
    ) -> None:
        """Note what was tried."""
        tried = Tried(
            step=self.watch.steps,
            fault=fault,
            said=said,
            steps=steps,
            before=before,
            after=after,
            error=error,
            peak=peak,
        )
        self.watch.note(tried)

    @careful
    def learn_by_heart(self) -> None:
        """Can the net learn a few examples, when it sees nothing else?"""
        few = _joined(self.turns, FITTED)
        if few is None:
            return
        twin = self.twin(self.state)
        steps = 5 * STEPS
        turns = [replace(few, rates=[BY_HEART])] * steps
        self.train(twin, torch.optim.Adam(twin.parameters()), turns, Change(""))
        labels = few.given["target"]
        wrong = _wrong(twin, [_Judged(0, few.inputs, few.keywords, labels)])
        said = f"only {few.rows} examples of {len(labels.unique())} classes, {steps} times"
        self.tell("unsuitable-capacity", said, steps, 1.0, mean(wrong), 0.0)

    @careful
    def go_on(self) -> None:
        """Train on from the end, and ask what was evaluated last once more."""
        if not self.unseen:
            return
        twin = self.twin()
        before = _wrong(twin, self.unseen)
        self.train(twin, self.like_the_scripts(twin, Change("")), self.turns, Change(""))
        after = _wrong(twin, self.unseen)
        changed = sum(a != b for a, b in zip(before, after, strict=True))
        error = math.sqrt(max(changed, 1)) / len(before)  # of the difference of paired shares, as in McNemar's test
        said = f"{len(before)} images that were evaluated"
        self.tell("under-trained", said, len(self.turns), mean(before), mean(after), error)

    @careful
    def cut(self) -> None:
        """The same examples in smaller batches."""
        turns = self.turns[: STEPS // PIECES]
        size = max(turns[0].rows // PIECES, 1)
        pieces = [_rows(turn, slice(k, k + size)) for turn in turns for k in range(0, size * PIECES, size)]
        small = self.again(Change(""), pieces)[-PIECES:]
        said = f"batches of {size} instead of {turns[0].rows}"
        plain = self.turns[len(turns) - 1].value
        error = stdev(small) / math.sqrt(len(small)) if all(map(math.isfinite, small)) else 0.0
        self.tell("unsuitable-batch-size", said, len(turns), plain, _mean(small), error)


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name."""
    return dict([*module.named_parameters(), *module.named_buffers()])


def _kept(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _mean(values: list[float]) -> float:
    """Infinite where a value is no number."""
    return mean(values) if all(map(math.isfinite, values)) else math.inf


def _known(turns: list[_Turn]) -> Tensor:
    """The first input of all steps, where they can be put together: statistics of a table want more than one batch."""
    given = [turn.inputs[0].float() for turn in turns if turn.inputs and isinstance(turn.inputs[0], Tensor)]
    alike = given and all(x.shape[1:] == given[0].shape[1:] for x in given)
    return torch.cat(given) if alike and given[0].dim() == 2 else given[0] if given else torch.zeros(2)


def _end(losses: list[float]) -> list[float]:
    """The last third."""
    return losses[-max(len(losses) // 3, 3) :]


def _alike(control: list[float], recorded: list[float]) -> bool:
    """Whether playing the tape again gives what was recorded, but for chance: else something was not on it."""
    a, b = _mean(_end(control)), _mean(_end(recorded))
    return a == b or abs(a - b) <= 0.2 * abs(b) + 0.02


def _wrong(twin: nn.Module, batches: list[_Judged]) -> list[bool]:
    """Which examples get another class than their label, in evaluation mode."""
    modes = [layer.training for layer in twin.modules()]
    twin.eval()
    with torch.no_grad():
        told = [twin(*one.inputs, **one.keywords).argmax(1).reshape(-1) != one.truth.reshape(-1) for one in batches]
    for layer, training in zip(twin.modules(), modes, strict=True):
        layer.training = training
    return torch.cat(told).tolist()


def _rows(turn: _Turn, part: slice) -> _Turn:
    """Some of a step's examples."""

    def cut(value: Any) -> Any:
        return value[part] if isinstance(value, Tensor) and value.dim() and len(value) == turn.rows else value

    rows = len(range(*part.indices(turn.rows)))
    given = {**turn.given, "target": cut(turn.given["target"])}
    return replace(turn, inputs=tuple(map(cut, turn.inputs)), given=given, shape=torch.Size((rows, *turn.shape[1:])))


def _joined(turns: list[_Turn], count: int) -> _Turn | None:
    """The first examples with class numbers, of as many steps as it takes; None where they cannot be put together."""
    some = turns[: -(-count // turns[0].rows)]
    inputs = [turn.inputs[0] for turn in some if len(turn.inputs) == 1 and isinstance(turn.inputs[0], Tensor)]
    labels = [turn.given["target"] for turn in some]
    if len(inputs) < len(some) or len({x.shape[1:] for x in inputs}) > 1 or labels[0].dim() != 1:
        return None
    if labels[0].is_floating_point():
        return None
    x, y = torch.cat(inputs)[:count], torch.cat(labels)[:count]
    given = {**turns[0].given, "target": y}
    return replace(turns[0], inputs=(x,), given=given, shape=torch.Size((len(x), *turns[0].shape[1:])))
