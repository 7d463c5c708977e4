"""What the training loop asks of an engine; arrays are NumPy's or torch's, and the loop need not know which."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from fairtrial.parts.optimizers import Rule
from fairtrial.spec.arch import Shapes
from fairtrial.spec.arrays import Array, NumpyArray, Tensors
from fairtrial.spec.errors import ShapeError


@dataclass(frozen=True)
class At:
    """Where in a run a training step is: with the place in the net, the key of dropout's randomness."""

    seed: int
    step: int


class Net(Protocol):
    """A net with its numbers. Names are `layer.weight`, `layer.bias`, `layer.running_mean`, `layer.running_var`."""

    deferred: bool  # whether its device works on while the next steps are told to it; else each step is waited for

    @property
    def params(self) -> Mapping[str, Array]: ...

    @property
    def grads(self) -> Mapping[str, Array]:
        """Of the last backward pass; same names and shapes as `params`."""
        ...

    @property
    def buffers(self) -> Mapping[str, Array]: ...

    @property
    def xp(self) -> Any:
        """The array module: numpy or torch. Losses and penalties are written once, on the functions that both have."""
        ...

    @property
    def place(self) -> str:
        """The device it computes on, by the name that the bits of its results depend on."""
        ...

    def array(self, values: NumpyArray) -> Array:
        """The values on this net's device; uint8 and integers stay what they are, floats become the net's precision."""
        ...

    def take(self, values: Array, rows: Array) -> Array:
        """values[rows], by the engine's quickest way to copy whole rows."""
        ...

    def numpy(self, values: Array) -> NumpyArray:
        """The values back on the CPU."""
        ...

    def product(self, a: Array, b: Array) -> Array:
        """The matrix product a b, as the layers' products are made: in the precision of the net."""
        ...

    def number(self, value: Array) -> Any:
        """A scalar in double precision, or a count: Python's own; of a deferred net on the device, without waiting."""
        ...

    def wait(self) -> None:
        """Until the device has done all that it was told."""
        ...

    def forward(self, x: Array, at: At | None = None, keep: MutableMapping[str, Array] | None = None) -> Array:
        """Outputs (n, k) for images (n, height, width, channels) or rows (n, features).

        With `at` in training mode: dropout is on, batch norm uses the batch and updates its running statistics, and
        what backward needs is kept. Without, eval mode. `keep` receives every layer's output by name.
        """
        ...

    def backward(self, dlogits: Array) -> None:
        """Fill `grads` from the gradient of the loss with respect to the outputs of the last training forward."""
        ...

    def norm(self) -> Any:
        """Euclidean norm of all gradients together, a `number`; not finite where any gradient is not."""
        ...

    def optimizer(self, rule: Rule) -> Optimizer:
        """The rule at work on this net's parameters."""
        ...

    def tensors(self) -> Tensors:
        """Copies of params and buffers."""
        ...

    def load(self, tensors: Mapping[str, NumpyArray]) -> None:
        """Take params and buffers from `tensors`; names and shapes must be equal."""
        ...


class Optimizer(Protocol):
    """A rule with its memory of past gradients."""

    @property
    def memory(self) -> Mapping[str, Array]:
        """As `slot/layer.weight`."""
        ...

    def step(self, lr: float, t: int) -> None:
        """Update the parameters from the gradients; `t` counts the steps from 1."""
        ...

    def tensors(self) -> Tensors:
        """Copies of the memory."""
        ...

    def load(self, tensors: Mapping[str, NumpyArray]) -> None:
        """Take the memory back."""
        ...


def both_ways(net: Net, x: Array) -> Array:
    """The mean outputs in eval mode of images (n, height, width, channels) and their mirror images."""
    return (net.forward(x) + net.forward(net.xp.flip(x, (2,)))) / 2


def check_fit(tensors: Mapping[str, NumpyArray], shapes: Shapes) -> None:
    """ShapeError, naming the first that differs, unless `tensors` has exactly these names and shapes."""
    given = {name: values.shape for name, values in tensors.items()}
    for name in sorted(given.keys() | shapes.keys()):
        if given.get(name) != shapes.get(name):
            raise ShapeError(f"{name}: the net has {shapes.get(name, 'none')}, the weights {given.get(name, 'none')}")
