"""digits with a stax-style (init, apply) pair of functions"""
from typing import Callable, NamedTuple
import numpy as np
import torch
from sklearn.datasets import load_digits


class Layer(NamedTuple):
    init: Callable
    apply: Callable


def dense(n_out):
    def init(rng, n_in):
        w = torch.randn(n_in, n_out, generator=rng) * np.sqrt(2.0 / n_in)
        return n_out, [w.requires_grad_(), torch.zeros(n_out, requires_grad=True)]
    return Layer(init, lambda p, x: x @ p[0] + p[1])


def elementwise(fn):
    return Layer(lambda rng, n: (n, []), lambda p, x: fn(x))


log_normalise = elementwise(lambda z: z - z.logsumexp(-1, keepdim=True))  # <- fault


def serial(*layers):
    def init(rng, n):
        ps = []
        for l in layers:
            n, p = l.init(rng, n)
            ps.append(p)
        return ps

    def apply(ps, x):
        for l, p in zip(layers, ps):
            x = l.apply(p, x)
        return x
    return init, apply


images, labels = load_digits(return_X_y=True)
images = torch.tensor((images - 4.88) / 6.02, dtype=torch.float32)
labels = torch.tensor(labels)
rng = torch.Generator().manual_seed(8)
mix = torch.randperm(len(labels), generator=rng)
fit, held = mix[:1400], mix[1400:]

init, predict = serial(dense(96), elementwise(torch.nn.functional.gelu), dense(10), log_normalise)  # <- fault
params = init(rng, 64)
opt = torch.optim.SGD([t for p in params for t in p], lr=0.1, momentum=0.8)

for epoch in range(6):
    for idx in fit[torch.randperm(1400, generator=rng)].chunk(35):
        opt.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(predict(params, images[idx]), labels[idx])  # <- fault
        loss.backward()
        opt.step()

with torch.no_grad():
    accuracy = torch.mean((predict(params, images[held]).argmax(-1) == labels[held]).double()).item()
print(accuracy)
