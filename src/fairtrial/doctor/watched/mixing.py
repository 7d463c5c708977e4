"""One input of a batch is exchanged, on a copy of the model: where do the other rows begin to change?"""

# What modules, optimizers and frames are like inside is torch's and Python's own business, and what is looked at here.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import copy
import io
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fairtrial.doctor.observations import Mixing
from fairtrial.doctor.watched.calls import called_by

if TYPE_CHECKING:
    from fairtrial.doctor.watch import Watch


class _Trace(TorchDispatchMode):
    """What each operation gave, with its line."""

    def __init__(self, built: Mapping[Any, str | None]) -> None:
        super().__init__()
        self.built = built
        self.made: list[tuple[Tensor, str | None]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        where = called_by(sys._getframe(1), self.built, run.__code__)
        for made in tree_leaves(result):
            if isinstance(made, Tensor) and made.is_floating_point() and made.dim():
                self.made.append((made.clone(), where))
        return result


def mixing(watch: Watch, module: nn.Module, given: Tensor, inputs: tuple[Any, ...]) -> Mixing | None:
    """Whether the outputs of other rows change; None where rows of the output are not those of the input."""
    other = given.detach().clone()
    other[0] = given[1]
    twin = copy.deepcopy(module).eval()
    for one in twin.modules():
        one._forward_hooks.clear()
        one._forward_pre_hooks.clear()
    rows = [[x if one is given else one for one in inputs] for x in (given.detach(), other)]
    first, second = (run(twin, x) for x in rows)
    if not isinstance(first, Tensor) or not isinstance(second, Tensor) or len(first) != len(given):
        return None
    change = (first - second)[1:].abs().flatten(1).amax(1) if first.dim() > 1 else (first - second)[1:].abs()
    scale = 1e-4 * float(first.abs().max()) + 1e-12
    changed = int((change > scale).sum())
    built = {copied: watch.built.get(own) for own, copied in zip(module.modules(), twin.modules(), strict=True)}
    traces = [_Trace(built), _Trace(built)]
    for trace, x in zip(traces if changed else (), rows, strict=False):
        run(twin, x, trace)
    return Mixing(
        step=watch.steps,
        where=_beginning(traces[0], traces[1], len(given)) or watch.built.get(module),
        rows=len(given),
        changed=changed,
        largest=float(change.max()),
    )


def run(twin: nn.Module, inputs: list[Any], trace: TorchDispatchMode | None = None) -> Any:
    """The output of a copy, from the same state of the random stream; the first one where there are several."""
    state = torch.get_rng_state()
    try:
        with torch.no_grad(), redirect_stdout(io.StringIO()), trace or nullcontext():
            output = twin(*inputs)
    finally:
        torch.set_rng_state(state)
    return output[0] if isinstance(output, tuple) else output


def _beginning(first: _Trace, second: _Trace, rows: int) -> str | None:
    """The operation after which more than a row's share is changed, or the one that tore the rows apart before it."""
    torn: str | None = None
    for (a, where), (b, _) in zip(first.made, second.made, strict=False):
        if a.shape != b.shape or not (changed := a != b).any():
            continue
        if float(changed.float().mean()) > 1.5 / rows:
            return torn or where
        torn = None if _in_one_place(changed, rows) else torn or where
    return None


def _in_one_place(changed: Tensor, rows: int) -> bool:
    """Whether all that changed is the first row, along some axis of the batch's size or a multiple of it."""
    for axis, size in enumerate(changed.shape):
        if size and size % rows == 0 and not changed.narrow(axis, size // rows, size - size // rows).any():
            return True
    return False
