"""Everything that may vary lives in one nested mapping."""
import torch
from torch import nn
from sklearn.datasets import make_moons

CONFIG = {
    "seed": 15,
    "data": {"n": 1400, "noise": 0.15, "held_out": 400},
    "net": {"hidden": [40, 40], "activation": "ReLU"},
    "optim": {
        "name": "Adam",
        "kwargs": {
            "lr": 0.004,
            "betas": (0.9, 0.999),
            "eps": 1.0,  # <- fault
        },
    },
    "train": {"epochs": 10, "batch": 50},
}


def build_net(hidden, activation, d_in=2, d_out=2):
    act = getattr(nn, activation)
    dims = [d_in, *hidden]
    body = [m for a, b in zip(dims, dims[1:]) for m in (nn.Linear(a, b), act())]
    return nn.Sequential(*body, nn.Linear(dims[-1], d_out))


def build_optim(net, name, kwargs):
    return getattr(torch.optim, name)(net.parameters(), **kwargs)  # <- fault


def prepare(n, noise, held_out, seed):
    x, y = make_moons(n, noise=noise, random_state=seed)
    x = (x - x[held_out:].mean(0)) / x[held_out:].std(0)
    x, y = torch.tensor(x).float(), torch.tensor(y)
    return (x[held_out:], y[held_out:]), (x[:held_out], y[:held_out])


torch.manual_seed(CONFIG["seed"])
(xs, ys), (xt, yt) = prepare(**CONFIG["data"], seed=CONFIG["seed"])
net = build_net(**CONFIG["net"])
optim = build_optim(net, **CONFIG["optim"])  # <- fault
for epoch in range(CONFIG["train"]["epochs"]):
    net.train()
    total = torch.zeros(())
    for idx in torch.randperm(len(xs)).split(CONFIG["train"]["batch"]):
        loss = nn.functional.cross_entropy(net(xs[idx]), ys[idx])
        optim.zero_grad()
        loss.backward()
        optim.step()
        total += loss.detach() * len(idx)
    print(epoch, round(total.item() / len(xs), 4))

net.eval()
with torch.no_grad():
    accuracy = (net(xt).argmax(1) == yt).double().mean().item()
print("accuracy", accuracy)
