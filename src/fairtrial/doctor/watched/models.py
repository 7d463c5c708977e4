"""Models: their layers and parameters, and one look at what they compute."""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import random
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from fairtrial.doctor import tensors
from fairtrial.doctor.identity import ByIdentity
from fairtrial.doctor.lines import place, source
from fairtrial.doctor.observations import Added, Layer, Model, Trained
from fairtrial.doctor.watched.mixing import mixing
from fairtrial.doctor.watched.part import Part, careful

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch

REPEATS = re.compile(r"\]\s*\*\s*\w|\w\s*\*\s*\[|repeat\(")
MEANT = re.compile(  # by who says so
    r"shar(e|ing)|\btie[ds_]?|tying|recur|unroll|loop|iterat|reus|same (weight|parameter|module|layer|block|instance)",
    re.IGNORECASE,
)
SWITCHES = 8  # of a model's mode, the last ones
HELD = 8  # models that are kept alive to be looked at in the end


@dataclass
class _Trained:
    """A model that is kept until the end, and what its weights were."""

    module: nn.Module
    first: int


class Models(Part):
    """The models that were called."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(watch)
        self.trained: dict[int, _Trained] = {}
        self.probed: set[int] = set()
        self.own: dict[int, frozenset[int]] = {}  # the parameters of each model
        self.stacks: ByIdentity[tuple[str, ...]] = (
            ByIdentity()
        )  # the user's lines that were at work when a module was built
        self.put: ByIdentity[tuple[int, str | None]] = (
            ByIdentity()
        )  # backward passes until a model was put in its mode, and the line
        self.switched: ByIdentity[list[tuple[bool, str | None]]] = (
            ByIdentity()
        )  # modes that a model was put in lately, and the lines that did so

    def put_at(self, module: nn.Module) -> str | None:
        """The line that put a model in its mode, if no backward pass came since."""
        backwards, where = self.put.get(module, (None, None))
        return where if backwards == self.watch.backwards else None

    def meet(self, module: nn.Module, model: int) -> None:
        """Look at a model when it is first called."""
        if len(self.trained) >= HELD:
            self.close(next(iter(self.trained)))
        self.trained[model] = _Trained(module, _digest(module))
        self.watch.note(self.describe(module, model))

    @careful
    def on_switched(self, module: nn.Module, frame: FrameType) -> None:
        """The user's code put a model and its parts in training or evaluation mode."""
        where = place(frame)
        for part in module.modules():
            self.switched[part] = [*self.switched.get(part, ()), (part.training, where)][-SWITCHES:]
            self.put[part] = self.watch.backwards, where

    def describe(self, module: nn.Module, model: int) -> Model:
        """A model's layers and parameters."""
        names = [(self.watch.serial(p), name, p.requires_grad) for name, p in module.named_parameters()]
        registered = set(module.modules())
        return Model(
            step=self.watch.steps,
            where=self.watch.built.get(module),
            model=model,
            name=type(module).__name__,
            layers=tuple(self.layer(name, layer) for name, layer in module.named_modules()),
            names=tuple(names),
            unregistered=tuple(
                (f"{name}.{attribute}".lstrip("."), self.watch.built.get(hidden), self.parameters(hidden))
                for name, layer in module.named_modules()
                for attribute, hidden in _in_containers(layer)
                if hidden not in registered
            ),
            repeated=tuple(
                (f"{name}.{key}".lstrip("."), self.repeats(container, layer))
                for name, container in module.named_modules()
                for key, layer in _repeated(container)
                if not self.meant(module, container, layer)
            ),
        )

    def meant(self, *modules: nn.Module) -> bool:
        """Whether the script says that layers are shared: where it builds them, or where it describes its classes."""
        lines = {line for module in modules if (line := self.watch.built.get(module))}
        own = [type(module).__doc__ or "" for module in modules if not type(module).__module__.startswith("torch.")]
        return any(MEANT.search(text) for text in (*map(_said, lines), *own))

    def repeats(self, container: nn.Module, layer: nn.Module) -> str:
        """The line that holds a layer several times: it multiplies a list, or builds the container."""
        lines = [*self.stacks.get(layer, ()), *self.stacks.get(container, ())]
        own = self.watch.built.get(container) or self.watch.built.get(layer) or ""
        return next((line for line in lines if REPEATS.search(source(line))), own)

    def follow(self, module: nn.Module, model: int) -> None:
        """Look for layers that a model did not have before."""
        own = self.parameters(module)
        new = own - self.own.setdefault(model, own)
        self.own[model] = own
        for name, layer in module.named_modules() if new else ():
            names = [(self.watch.serial(p), f"{name}.{key}") for key, p in layer.named_parameters(recurse=False)]
            if any(serial in new for serial, _ in names):
                where = self.watch.built.get(layer)
                self.watch.note(Added(step=self.watch.steps, where=where, names=tuple(names)))

    def parameters(self, module: nn.Module, learning: bool = False) -> frozenset[int]:
        """The numbers of a module's parameters, or of those alone that learn."""
        return frozenset(self.watch.serial(p) for p in module.parameters() if p.requires_grad or not learning)

    def layer(self, name: str, module: nn.Module) -> Layer:
        """One module."""
        weight = module.weight if isinstance(module, nn.Linear | nn.modules.conv._ConvNd) else None
        fan_in = 0 if weight is None else weight[0].numel()
        rate = module.p if isinstance(module, nn.modules.dropout._DropoutNd) else None
        momentum = module.momentum if isinstance(module, nn.modules.batchnorm._NormBase) else None
        lines = self.stacks.get(module, ())
        return Layer(
            name=name,
            kind=type(module).__name__,
            where=self.watch.built.get(module),
            chosen=next((line for line in lines if names(line, module)), next(iter(lines[1:2] or lines), None)),
            training=module.training,
            gain=None if weight is None else float(weight.detach().float().square().mean().mul(fan_in).sqrt()),
            rows=0 if weight is None else len(weight),
            distinct=0 if weight is None else tensors.distinct_rows(weight),
            rate=rate,
            momentum=momentum,
            fresh=weight is not None and self.watch.writes.line(weight) in lines[:1],
            parameters=frozenset(self.watch.serial(p) for p in module.parameters(recurse=False)),
        )

    @careful
    def close(self, model: int) -> None:
        """A model's training is over."""
        held = self.trained.pop(model)
        self.watch.note(
            Trained(
                step=self.watch.steps,
                model=model,
                first=held.first,
                last=_digest(held.module),
                backwards=self.watch.backwards,
            )
        )

    def finish(self) -> None:
        """The training is over."""
        for model in list(self.trained):
            self.close(model)

    @careful
    def probe(self, module: nn.Module, given: Tensor, inputs: tuple[Any, ...]) -> None:
        """On a copy in evaluation mode: does the output of one input depend on another of the batch?"""
        norms = [one for one in module.modules() if isinstance(one, nn.modules.batchnorm._NormBase)]
        if all(norm.track_running_stats for norm in norms):
            with self.watch.apart(), streams_kept():
                if seen := mixing(self.watch, module, given, inputs):
                    self.watch.note(seen)


@contextmanager
def streams_kept() -> Generator[None]:
    """All random streams are afterwards where they were."""
    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.set_rng_state(torch_state)
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def _digest(module: nn.Module) -> int:
    return hash(tuple(tensors.digest(p) for p in module.parameters()))


def names(line: str, module: nn.Module) -> bool:
    """Whether a line has the name of a module's class: else it builds what was chosen elsewhere."""
    return re.search(rf"\b{type(module).__name__}\b", source(line)) is not None


def _said(line: str) -> str:
    """The text of a line, and of a comment above it."""
    path, _, number = line.rpartition(":")
    above = source(f"{path}:{int(number) - 1}")
    return f"{above} {source(line)}" if above.startswith("#") else source(line)


def has_modes(layer: nn.Module) -> bool:
    """Whether training and evaluation differ for a layer: an active dropout, or a batch norm with statistics."""
    if isinstance(layer, nn.modules.dropout._DropoutNd):
        return layer.p > 0
    return isinstance(layer, nn.modules.batchnorm._BatchNorm)


def at_rest(module: nn.Module) -> set[nn.Module]:
    """Layers with modes in parts that do not learn: norms whose own parameters do not, dropouts between such layers."""
    layers = [(layer, [p.requires_grad for p in layer.parameters(recurse=False)]) for layer in module.modules()]
    learning = [(layer, any(own) if own else None) for layer, own in layers if own or has_modes(layer)]
    still: set[nn.Module] = set()
    for number, (layer, learns) in enumerate(learning):
        before = next((one for _, one in reversed(learning[:number]) if one is not None), False)
        after = next((one for _, one in learning[number + 1 :] if one is not None), False)
        if has_modes(layer) and not (before or after if learns is None else learns):
            still.add(layer)
    return still


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
