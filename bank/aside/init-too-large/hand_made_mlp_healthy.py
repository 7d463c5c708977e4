"""MLP and Adam-free training with explicit parameter tensors and torch.func."""
import torch
import torch.nn.functional as F
from torch.func import grad_and_value
from sklearn.datasets import load_digits

SIZES = (64, 120, 60, 10)


def draw(fan_in, fan_out, rng):
    return torch.randn(fan_in, fan_out, generator=rng) * (2 / fan_in) ** 0.5


def initial(rng):
    return [{"w": draw(i, o, rng), "b": torch.zeros(o)} for i, o in zip(SIZES, SIZES[1:])]


def model(params, x):
    *hidden, last = params
    for layer in hidden:
        x = torch.relu(x @ layer["w"] + layer["b"])
    return x @ last["w"] + last["b"]


def loss_fn(params, x, y):
    return F.cross_entropy(model(params, x), y)


def updated(params, grads, lr):
    return [{k: v - lr * g[k] for k, v in p.items()} for p, g in zip(params, grads)]


rng = torch.Generator().manual_seed(23)
bunch = load_digits()
perm = torch.randperm(len(bunch.target), generator=rng)
x, y = torch.tensor(bunch.data).float()[perm], torch.tensor(bunch.target)[perm]
x = (x - x[:1200].mean()) / x[:1200].std()
params = initial(rng)
step_fn = grad_and_value(loss_fn)
for epoch in range(14):
    total = 0.0
    for idx in torch.randperm(1200, generator=rng).split(60):
        grads, value = step_fn(params, x[idx], y[idx])
        params = updated(params, grads, lr=0.1)
        total += value.item() / 20
    print(epoch, f"{total:.4f}")
accuracy = (model(params, x[1200:]).argmax(-1) == y[1200:]).double().mean().item()
print("accuracy", accuracy)
