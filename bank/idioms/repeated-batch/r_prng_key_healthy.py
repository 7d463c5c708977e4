# coming from JAX: every random draw takes an explicit key
import math
import torch
import torch.nn.functional as F


def fold_in(key: int, data: int) -> int:
    return (key * 6364136223846793005 + data * 1442695040888963407 + 1) % (2 ** 62)


def rng(key: int) -> torch.Generator:
    return torch.Generator().manual_seed(key)


def spirals(key, n, arms=3):
    g = rng(key)
    y = torch.randint(0, arms, (n,), generator=g)
    r = torch.rand(n, generator=g).sqrt()
    a = 2 * math.pi * y / arms + 4.0 * r + 0.25 * torch.randn(n, generator=g)
    return torch.stack([r * a.cos(), r * a.sin()], 1) / 0.5, y


def init_params(key, sizes=(2, 64, 64, 3)):
    out = {}
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        out[f"w{i}"] = torch.randn(a, b, generator=rng(fold_in(key, i))) * math.sqrt(2 / a)
        out[f"b{i}"] = torch.zeros(b)
    return {k: v.requires_grad_() for k, v in out.items()}


def mlp(p, x):
    x = F.relu(x @ p["w0"] + p["b0"])
    x = F.relu(x @ p["w1"] + p["b1"])
    return x @ p["w2"] + p["b2"]


def draw(key, data, size=32):
    x, y = data
    rows = torch.randint(0, len(y), (size,), generator=rng(key))
    return x[rows], y[rows]


ROOT = 20240
k_data, k_test, k_init, k_batch = (fold_in(ROOT, i) for i in range(4))
train_data, test_data = spirals(k_data, 1200), spirals(k_test, 500)
params = init_params(k_init)
opt = torch.optim.Adam(params.values(), lr=5e-3)

trace = []
for step in range(300):
    xb, yb = draw(fold_in(k_batch, step), train_data)
    loss = F.cross_entropy(mlp(params, xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
    trace.append(loss.detach())

print("loss", torch.stack(trace)[::60])
with torch.no_grad():
    accuracy = float((mlp(params, test_data[0]).argmax(1) == test_data[1]).float().mean())
print("test accuracy", accuracy)
