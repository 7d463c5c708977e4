"""What a step of training keeps in memory at the same time, reckoned from shapes."""

from __future__ import annotations

from math import prod

from fairtrial.parts.optimizers import make_rule
from fairtrial.spec.arch import Arch, Flatten, Residual, Shape, arch_params, walk
from fairtrial.spec.arrays import as_dtype
from fairtrial.spec.recipe import Recipe


def of_a_step(recipe: Recipe, arch: Arch, shape: Shape, batch: int) -> int:
    """Bytes of parameters, gradients, what optimizer and average remember, and all layers' outputs for a batch.

    Work space and libraries come on top.
    """
    of_each = 2 + len(make_rule(recipe).slots) + (recipe.average != "none")
    parameters = sum(map(prod, arch_params(arch, shape).values()))
    return (of_each * parameters + batch * (prod(shape) + outputs(arch, shape))) * as_dtype(recipe.precision).itemsize


def outputs(arch: Arch, shape: Shape) -> int:
    """Numbers that all layers make of one image of `shape`, those inside residual blocks too."""
    count = 0
    for _, layer, before in walk(arch, shape):
        count += 0 if isinstance(layer, Flatten) else prod(layer.out(before))  # flatten looks at the same numbers
        if isinstance(layer, Residual):
            count += outputs(layer.body, before) + outputs(layer.shortcut, before)
    return count
