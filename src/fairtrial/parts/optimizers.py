"""Optimizers: frozen rules that change one array of parameters in place, each with its twin among torch's kernels.

Legend: p parameters, g gradient, lr learning rate, t the step counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from fairtrial.spec.arrays import Array
from fairtrial.spec.recipe import Recipe
from fairtrial.spec.registry import Registry

OPTIMIZERS: Registry[type[Rule]] = Registry("optimizer")


@dataclass(frozen=True)
class Batch:
    """Tensors of one step: parameters, their gradients, for each of the rule's slots a list, and the steps made."""

    params: list[Array]
    grads: list[Array]
    slots: list[list[Array]]
    steps: list[Array]  # of each parameter, as numbers on its device; the functions count them up


@dataclass(frozen=True)
class Rule:
    """How a step is made; `slots` names the arrays it remembers between steps, as torch's optimizer names them."""

    weight_decay: float = 0.0

    slots: ClassVar[tuple[str, ...]] = ()
    whole: ClassVar[bool] = False  # whether `update` wants each parameter in its own shape; else any piece will do

    def update(self, p: Array, g: Array, slots: list[Array], lr: float, t: int) -> None:
        """Change `p` and the arrays in `slots` in place; all have the same shape, and slots begin as zeros."""
        raise TypeError(f"{type(self).__name__} has no update")

    def fused(self, torch: Any, batch: Batch, lr: float) -> None:
        """The same step by `sgd`, `adagrad`, `rmsprop` or `adam` of `torch.optim`, for many tensors at once."""
        raise TypeError(f"{type(self).__name__} has no twin")

    def decayed(self, p: Array, g: Array) -> Array:
        """The gradient with that of weight_decay / 2 * |p|^2 added."""
        return g + self.weight_decay * p if self.weight_decay else g


def make_rule(recipe: Recipe) -> Rule:
    """The recipe's optimizer with the recipe's settings; settings it does not have are not its business."""
    kind = OPTIMIZERS[recipe.optimizer]
    given = recipe.model_dump()
    return kind(**{f.name: given[f.name] for f in fields(kind) if given.get(f.name) is not None})


@OPTIMIZERS.add("sgd")
@dataclass(frozen=True)
class SGD(Rule):
    """Stochastic gradient descent: b = momentum b + g, p -= lr b."""

    momentum: float = 0.0
    nesterov: ClassVar[bool] = False
    slots = ("momentum_buffer",)

    def update(self, p: Array, g: Array, slots: list[Array], lr: float, t: int) -> None:
        g = self.decayed(p, g)
        if self.momentum:
            (b,) = slots
            b *= self.momentum
            b += g
            g = g + self.momentum * b if self.nesterov else b
        p -= lr * g

    def fused(self, torch: Any, batch: Batch, lr: float) -> None:
        torch.sgd(
            batch.params, batch.grads, batch.slots[0], fused=True, lr=lr, weight_decay=self.weight_decay,
            momentum=self.momentum, nesterov=self.nesterov and self.momentum > 0, dampening=0.0, maximize=False,
        )  # fmt: skip


@OPTIMIZERS.add("momentum")
@dataclass(frozen=True)
class Momentum(SGD):
    """SGD with momentum 0.9 (Polyak 1964): past gradients roll on."""

    momentum: float = 0.9


@OPTIMIZERS.add("nesterov")
@dataclass(frozen=True)
class Nesterov(SGD):
    """SGD with momentum 0.9 that looks ahead (Nesterov 1983; Sutskever et al. 2013): p -= lr (g + momentum b)."""

    momentum: float = 0.9
    nesterov = True


@OPTIMIZERS.add("muon")
@dataclass(frozen=True)
class Muon(Nesterov):
    """Nesterov whose step on a matrix is made orthogonal: all its directions count alike (Jordan et al. 2024).

    b = momentum b + g, p -= lr (weight_decay p + sqrt(max(1, rows / columns)) O(g + momentum b)). A kernel counts as a
    matrix (units, rest). Biases and norms, which are no matrices, are stepped by `nesterov` at the same lr.
    """

    momentum: float = 0.95
    whole = True

    def update(self, p: Array, g: Array, slots: list[Array], lr: float, t: int) -> None:
        if p.ndim < 2:
            super().update(p, g, slots, lr, t)
            return
        (b,) = slots
        b *= self.momentum
        b += g
        step = orthogonal((g + self.momentum * b).reshape(len(p), -1))
        rows, columns = step.shape
        p *= 1 - lr * self.weight_decay
        p -= lr * max(1, rows / columns) ** 0.5 * step.reshape(p.shape)

    def fused(self, torch: Any, batch: Batch, lr: float) -> None:
        for p, g, *slots in zip(batch.params, batch.grads, *batch.slots, strict=True):
            self.update(p, g, slots, lr, 0)


def orthogonal(x: Array) -> Array:
    """O(x): the matrix x = U S V^T with its singular values brought near 1, between 0.7 and 1.2: about U V^T.

    Five steps of a Newton-Schulz iteration, x -> a x + b (x x^T) x + c (x x^T)^2 x, with coefficients that raise small
    singular values fastest (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon).
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x  # the smaller product
    x = x / ((x * x).sum() ** 0.5 + 1e-7)  # no singular value above 1
    for _ in range(5):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


@OPTIMIZERS.add("adagrad")
@dataclass(frozen=True)
class Adagrad(Rule):
    """s += g^2, p -= lr g / (sqrt(s) + eps) (Duchi et al. 2011)."""

    eps: float = 1e-10
    slots = ("sum",)

    def update(self, p: Array, g: Array, slots: list[Array], lr: float, t: int) -> None:
        (s,) = slots
        g = self.decayed(p, g)
        s += g * g
        p -= lr * g / (np.sqrt(s) + self.eps)

    def fused(self, torch: Any, batch: Batch, lr: float) -> None:
        torch.adagrad(
            batch.params, batch.grads, batch.slots[0], batch.steps, fused=True, lr=lr, lr_decay=0.0, eps=self.eps,
            weight_decay=self.weight_decay, maximize=False,
        )  # fmt: skip


@OPTIMIZERS.add("rmsprop")
@dataclass(frozen=True)
class RMSprop(Rule):
    """v = alpha v + (1 - alpha) g^2, p -= lr g / (sqrt(v) + eps) (Hinton 2012); with momentum on the quotient."""

    momentum: float = 0.0
    alpha: float = 0.99
    eps: float = 1e-8
    slots = ("square_avg", "momentum_buffer")

    def update(self, p: Array, g: Array, slots: list[Array], lr: float, t: int) -> None:
        v, b = slots
        g = self.decayed(p, g)
        v *= self.alpha
        v += (1 - self.alpha) * g * g
        g = g / (np.sqrt(v) + self.eps)
        if self.momentum:
            b *= self.momentum
            b += g
            g = b
        p -= lr * g

    def fused(self, torch: Any, batch: Batch, lr: float) -> None:
        torch.rmsprop(
            batch.params, batch.grads, batch.slots[0], [], batch.slots[1], batch.steps, foreach=True, lr=lr,
            alpha=self.alpha, eps=self.eps, weight_decay=self.weight_decay, momentum=self.momentum, centered=False,
        )  # fmt: skip


@OPTIMIZERS.add("adam")
@dataclass(frozen=True)
class Adam(Rule):
    """m = b1 m + (1-b1) g, v = b2 v + (1-b2) g^2, p -= lr m^ / (sqrt(v^) + eps) (Kingma and Ba 2015).

    m^ = m / (1 - b1^t) and v^ = v / (1 - b2^t) make up for the start at zero.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    decoupled: ClassVar[bool] = False
    slots = ("exp_avg", "exp_avg_sq")

    def update(self, p: Array, g: Array, slots: list[Array], lr: float, t: int) -> None:
        m, v = slots
        b1, b2 = self.betas
        g = self.decayed(p, g)
        m += (1 - b1) * (g - m)
        v *= b2
        v += (1 - b2) * g * g
        p -= lr / (1 - b1**t) * m / (np.sqrt(v) / (1 - b2**t) ** 0.5 + self.eps)

    def fused(self, torch: Any, batch: Batch, lr: float) -> None:
        torch.adam(
            batch.params, batch.grads, *batch.slots, [], batch.steps, fused=True, lr=lr, beta1=self.betas[0],
            beta2=self.betas[1], eps=self.eps, weight_decay=self.weight_decay, amsgrad=False, maximize=False,
            decoupled_weight_decay=self.decoupled,
        )  # fmt: skip


@OPTIMIZERS.add("adamw")
@dataclass(frozen=True)
class AdamW(Adam):
    """Adam whose weight decay shrinks p by lr * weight_decay instead of entering g (Loshchilov and Hutter 2019)."""

    weight_decay: float = 0.01
    decoupled = True

    def decayed(self, p: Array, g: Array) -> Array:
        return g

    def update(self, p: Array, g: Array, slots: list[Array], lr: float, t: int) -> None:
        p *= 1 - lr * self.weight_decay
        super().update(p, g, slots, lr, t)
