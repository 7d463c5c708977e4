"""A net without modules: a dictionary of weights and one pure function."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

CFG = {"dims": [64, 96, 96, 10], "p": 0.4, "lr": 2e-3, "epochs": 9, "batch": 60}


def init(dims, gen):
    params = {}
    for k, (i, o) in enumerate(zip(dims, dims[1:])):
        params[f"w{k}"] = torch.randn(o, i, generator=gen).mul_((2 / i) ** 0.5).requires_grad_()
        params[f"b{k}"] = torch.zeros(o, requires_grad=True)
    return params


def apply(params, x, p=0.0, train=False):
    depth = len(params) // 2
    h = x
    for k in range(depth):
        h = torch.einsum("bi,oi->bo", h, params[f"w{k}"]) + params[f"b{k}"]
        if k < depth - 1:
            h = F.dropout(F.relu(h), p, training=train)
    return h


def epochs(x, y, count, size, gen):
    for e in range(count):
        for idx in torch.randperm(len(x), generator=gen).split(size):
            yield e, x[idx], y[idx]


gen = torch.Generator().manual_seed(31)
torch.manual_seed(31)
bunch = load_digits()
x, y = torch.tensor(bunch.data).float(), torch.tensor(bunch.target)
sel = torch.randperm(len(x), generator=gen)
x, y = x[sel], y[sel]
x = (x - x[:1260].mean()) / x[:1260].std()

params = init(CFG["dims"], gen)
opt = torch.optim.Adam(params.values(), lr=CFG["lr"])
seen = {}
for e, xb, yb in epochs(x[:1260], y[:1260], CFG["epochs"], CFG["batch"], gen):
    loss = F.cross_entropy(apply(params, xb, CFG["p"], train=True), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
    seen.setdefault(e, []).append(loss.item())
print({e: round(sum(v) / len(v), 3) for e, v in seen.items()})

with torch.no_grad():
    guess = apply(params, x[1260:]).argmax(1)
accuracy = (guess == y[1260:]).float().mean().item()
print("accuracy", accuracy)
