"""Classify vortex / source / saddle patterns in noisy 2-D flow fields sampled at a few probes."""
import numpy as np
import torch

torch.manual_seed(55)
rng = np.random.default_rng(55)
PROBES = rng.uniform(-1, 1, (16, 2))


def flow(kind, n):
    centre = rng.uniform(-0.5, 0.5, (n, 1, 2))
    d = PROBES[None] - centre
    r2 = (d ** 2).sum(-1, keepdims=True) + 0.2
    field = {0: np.stack([-d[..., 1], d[..., 0]], -1), 1: d, 2: d * np.array([1.0, -1.0])}[kind] / r2
    sign = rng.choice([-1.0, 1.0], (n, 1, 1))
    return (sign * field + 0.45 * rng.normal(size=field.shape)).reshape(n, -1)


u = np.concatenate([flow(k, 600) for k in range(3)])
k = np.repeat(np.arange(3), 600)
mix = rng.permutation(1800)
u, k = u[mix], k[mix]
u = (u - u[:1300].mean(0)) / u[:1300].std(0)
U, K = torch.tensor(u, dtype=torch.float32), torch.tensor(k)


def layer_stack(*n):
    for i, (a, b) in enumerate(zip(n, n[1:])):
        yield torch.nn.Linear(a, b)
        if i < len(n) - 2:
            yield torch.nn.Identity()  # <- fault: no-nonlinearity


net = torch.nn.Sequential(*layer_stack(32, 96, 64, 3))
w = list(net.parameters())
descent = torch.optim.SGD(w, lr=0.1, momentum=0.9)
g_max = 2e-3  # <- fault: clipping-too-tight
norms = []
for epoch in range(12):
    for rows in torch.randperm(1300).split(65):
        f = torch.nn.functional.cross_entropy(net(U[rows]), K[rows])
        descent.zero_grad()
        f.backward()
        with torch.no_grad():
            g = torch.sqrt(sum((p.grad ** 2).sum() for p in w))
            norms.append(float(g))
            if g > g_max:
                for p in w:
                    p.grad *= g_max / g  # <- fault: clipping-too-tight
        descent.step()
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1}: f = {f.item():.4f}, |g| = {np.median(norms[-20:]):.3f}")

with torch.no_grad():
    accuracy = float((net(U[1300:]).argmax(1) == K[1300:]).float().mean())
print("patterns recognised:", accuracy)
