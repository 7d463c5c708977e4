"""What an architecture computes according to torch.nn.functional: built once more, so that it can contradict us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtrial.engine.net import At
from fairtrial.rng import rng
from fairtrial.spec import arch as a
from fairtrial.spec.arch_text import read_arch
from fairtrial.spec.arrays import Tensors

LAYERS = [kind for kind in a.WORDS if kind not in (a.Activation, a.Norm)]  # placeholders compute nothing


class Oracle:
    """The outputs and gradients of an architecture in float64, from images (n, h, w, c) or rows (n, units)."""

    def __init__(self, arch: a.Arch, tensors: Tensors) -> None:
        self.arch = arch
        self.tensors = {name: torch.from_numpy(values.copy()) for name, values in tensors.items()}
        for name, tensor in self.tensors.items():
            tensor.requires_grad_("running" not in name)

    def forward(self, x: np.ndarray, at: At | None = None) -> Tensor:
        self.x = torch.from_numpy(x).clone().requires_grad_()
        self.at, self.dropouts = at, 0
        return self.chain(self.arch, self.x.permute(0, 3, 1, 2) if x.ndim == 4 else self.x, "")

    def gradients(self, x: np.ndarray, dy: np.ndarray, at: At | None) -> Tensors:
        """d (y dy) of every parameter, and of the input under the name `x`."""
        learnt = {name: t for name, t in self.tensors.items() if t.requires_grad}
        y = self.forward(x, at)
        found = torch.autograd.grad(y, [*learnt.values(), self.x], torch.from_numpy(dy))
        return {name: g.numpy() for name, g in zip([*learnt, "x"], found, strict=True)}

    def chain(self, arch: a.Arch, x: Tensor, prefix: str) -> Tensor:
        for name, layer in zip(a.names(arch), arch, strict=True):
            if isinstance(layer, a.Residual):
                body, short = (self.chain(getattr(layer, p), x, f"{prefix}{name}.{p}.") for p in ("body", "shortcut"))
                x = body + short
            elif isinstance(layer, a.Dropout):
                x = self.dropout(layer, x)
            else:
                x = FUNCTIONS[type(layer)](layer, x, self.of(f"{prefix}{name}."), self.at is not None)
        return x

    def of(self, prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}

    def dropout(self, layer: a.Dropout, x: Tensor) -> Tensor:
        place, self.dropouts = self.dropouts, self.dropouts + 1
        if self.at is None:
            return x
        random = rng(self.at.seed, "dropout", self.at.step, place).random(tuple(x.shape), np.float32)
        return x * torch.from_numpy(random >= layer.rate) / (1 - layer.rate)


def conv(layer: a.Conv, x: Tensor, t: Mapping[str, Tensor], train: bool) -> Tensor:
    if layer.pad == "same" and layer.stride == 1 and layer.mode == "zeros":
        return F.conv2d(x, t["weight"], t.get("bias"), padding="same")
    number = {"valid": 0, "same": None}.get(layer.pad, layer.pad)
    before, after = ((layer.kernel - 1) // 2, layer.kernel // 2) if number is None else (number, number)
    mode = "reflect" if layer.mode == "reflect" else "constant"
    return F.conv2d(F.pad(x, (before, after, before, after), mode), t["weight"], t.get("bias"), layer.stride)


def batch_norm(layer: a.BatchNorm, x: Tensor, t: Mapping[str, Tensor], train: bool) -> Tensor:
    running = t["running_mean"], t["running_var"]
    return F.batch_norm(x, *running, t["weight"], t["bias"], train, layer.momentum, layer.eps)


FUNCTIONS: dict[type[a.Layer], Callable[..., Tensor]] = {
    a.Conv: conv,
    a.MaxPool: lambda layer, x, *_: F.max_pool2d(x, layer.kernel, layer.stride or layer.kernel),
    a.AvgPool: lambda layer, x, *_: F.avg_pool2d(x, layer.kernel, layer.stride or layer.kernel),
    a.GlobalAvgPool: lambda _, x, *__: F.adaptive_avg_pool2d(x, 1).flatten(1),
    a.Flatten: lambda _, x, *__: x.flatten(1),
    a.Linear: lambda _, x, t, __: F.linear(x, t["weight"], t.get("bias")),
    a.BatchNorm: batch_norm,
    a.ReLU: lambda _, x, *__: F.relu(x),
    a.LeakyReLU: lambda layer, x, *_: F.leaky_relu(x, layer.slope),
    a.SiLU: lambda _, x, *__: F.silu(x),
    a.GELU: lambda _, x, *__: F.gelu(x),
    a.Sigmoid: lambda _, x, *__: torch.sigmoid(x),
    a.Tanh: lambda _, x, *__: torch.tanh(x),
    a.Softmax: lambda _, x, *__: F.softmax(x, 1),
    a.LogSoftmax: lambda _, x, *__: F.log_softmax(x, 1),
}


def weights(arch: a.Arch, shape: a.Shape, seed: int = 0) -> Tensors:
    """Random numbers for everything, so that no scale is 1 and no bias 0."""
    random = np.random.default_rng(seed)
    sizes = a.arch_params(arch, shape) | a.arch_buffers(arch, shape)
    return {
        name: random.uniform(0.5, 1.5, size) if "norm" in name else random.normal(0, 0.5, size)
        for name, size in sizes.items()
    }


def parse(line: str, **fill: Any) -> a.Arch:
    """The line as a resolved architecture."""
    from fairtrial.spec.arch_text import resolve

    words = {"activation": "relu", "norm": "batch", "dropout": 0.3, "outputs": 10}
    return resolve(read_arch(line), **(words | fill))
