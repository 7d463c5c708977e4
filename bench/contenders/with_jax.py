"""JAX as its documentation has it: pure functions, jitted, on arrays that stay where they are; Adam of optax."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax

from contenders.job import PARTS, SCORED, Job, Timed
from fairtrial.parts.initialisers import start
from fairtrial.spec import arch as a

Arrays = dict[str, jax.Array]  # named as in fairtrial
State = Any  # params, buffers, Adam's memory, key
Data = tuple[jax.Array, jax.Array]
KINDS = ("NHWC", "HWIO", "NHWC")  # what XLA computes convolutions quickest in on a CPU
ORDERS = {4: (2, 3, 1, 0), 2: (1, 0)}  # from PyTorch's order of a weight's axes


def forward(arch: a.Arch, w: Arrays, buffers: Arrays, x: jax.Array, key: jax.Array | None) -> tuple[jax.Array, Arrays]:
    """Logits and the new buffers; with a key in training mode."""
    buffers = dict(buffers)
    for name, layer in zip(a.names(arch), arch, strict=True):
        weight, bias = f"{name}.weight", f"{name}.bias"
        match layer:
            case a.Conv():
                pad = [layer.margins] * 2
                if layer.mode == "reflect":
                    x, pad = jnp.pad(x, [(0, 0), *pad, (0, 0)], mode="reflect"), [(0, 0)] * 2
                x = lax.conv_general_dilated(x, w[weight], (layer.stride,) * 2, pad, dimension_numbers=KINDS) + w[bias]
            case a.Linear():
                x = x @ w[weight] + w[bias]
            case a.BatchNorm():
                mean, var = buffers[f"{name}.running_mean"], buffers[f"{name}.running_var"]
                if key is not None:
                    axes, n, share = tuple(range(x.ndim - 1)), x.size // x.shape[-1], layer.momentum
                    old_mean, old_var, mean, var = mean, var, x.mean(axes), x.var(axes)
                    buffers[f"{name}.running_mean"] = old_mean + share * (mean - old_mean)
                    buffers[f"{name}.running_var"] = old_var + share * (var * n / (n - 1) - old_var)
                x = (x - mean) * lax.rsqrt(var + layer.eps) * w[weight] + w[bias]
            case a.MaxPool():  # three times as fast as lax.reduce_window on a CPU
                n, height, width, c = x.shape
                x = x.reshape(n, height // 2, 2, width // 2, 2, c).max((2, 4))
            case a.ReLU():
                x = jax.nn.relu(x)
            case a.LeakyReLU():
                x = jax.nn.leaky_relu(x, layer.slope)
            case a.Flatten():
                x = x.reshape(len(x), -1)
            case a.Dropout() if key is not None and layer.rate:
                x = jnp.where(jax.random.bernoulli(key, 1 - layer.rate, x.shape), x / (1 - layer.rate), 0)
            case _:
                pass
    return x, buffers


class Jax(Timed):
    """Data and net as arrays of JAX; the next numbers of all that changes come from the last ones."""

    def __init__(self, job: Job) -> None:
        self.arch, self.batch = job.arch, job.batch
        self.data = {part: jax.device_put(job.pixels(part)) for part in PARTS}
        _, height, width, channels = self.data["train"][0].shape
        tensors = start(self.arch, (channels, height, width), "pytorch", 0)
        arrays = {k: jnp.asarray(v.transpose(ORDERS.get(v.ndim)), jnp.float32) for k, v in tensors.items()}
        buffers = {k: arrays.pop(k) for k in tensors if "running" in k}
        self.adam = optax.adam(job.rate)
        self.state = arrays, buffers, self.adam.init(arrays), jax.random.key(0)

    def loss(
        self, params: Arrays, buffers: Arrays, x: jax.Array, y: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, Arrays]:
        logits, buffers = forward(self.arch, params, buffers, x, key)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), buffers

    def step(self, state: State, data: Data, rows: jax.Array) -> tuple[State, jax.Array]:
        params, buffers, adam, key = state
        key, here = jax.random.split(key)
        x, y = data[0][rows], data[1][rows]
        (loss, buffers), grads = jax.value_and_grad(self.loss, has_aux=True)(params, buffers, x, y, here)
        updates, adam = self.adam.update(grads, adam, params)
        return (optax.apply_updates(params, updates), buffers, adam, key), loss

    def order(self, key: jax.Array, data: Data) -> jax.Array:
        return jax.random.permutation(key, len(data[0])).reshape(-1, self.batch)

    def score(self, part: str) -> float:
        x, y = self.data[part]
        params, buffers, *_ = self.state
        starts = range(0, len(x), SCORED)
        told = [self.scored(params, buffers, x[i : i + SCORED], y[i : i + SCORED]) for i in starts]
        return float(sum(right for _, right in told)) / len(x)

    @partial(jax.jit, static_argnums=0)
    def scored(self, params: Arrays, buffers: Arrays, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits, _ = forward(self.arch, params, buffers, x, None)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, y).sum()
        return loss, (logits.argmax(1) == y).sum()


class JaxEpoch(Jax):
    """The whole epoch is one program."""

    def fit(self) -> None:
        self.state, _ = jax.block_until_ready(self.advance(self.state, self.data["train"]))

    @partial(jax.jit, static_argnums=0, donate_argnums=1)
    def advance(self, state: State, data: Data) -> tuple[State, jax.Array]:
        *others, key = state
        key, here = jax.random.split(key)
        return lax.scan(lambda now, rows: self.step(now, data, rows), (*others, key), self.order(here, data))


class JaxStep(Jax):
    """Each step is one program: inside a loop XLA computes convolutions several times slower on a CPU."""

    def fit(self) -> None:
        *others, key = self.state
        key, here = jax.random.split(key)
        self.state = (*others, key)
        for rows in self.order(here, self.data["train"]):
            self.state, _ = self.advance(self.state, self.data["train"], rows)
        jax.block_until_ready(self.state)

    advance = jax.jit(Jax.step, static_argnums=0, donate_argnums=1)
