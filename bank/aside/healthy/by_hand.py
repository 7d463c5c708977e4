"""Two-layer net written from scratch: no nn.Module, no torch.optim, momentum kept in plain lists."""
import torch
from sklearn.datasets import load_digits

g = torch.Generator().manual_seed(1)
bunch = load_digits()
mix = torch.randperm(1797, generator=g)
X = torch.tensor(bunch.data, dtype=torch.float32)[mix]
T = torch.tensor(bunch.target)[mix]
X = (X - X[:1400].mean()) / X[:1400].std()

w1 = torch.randn(64, 36, generator=g) * (2 / 64) ** 0.5
b1 = torch.zeros(36)
w2 = torch.zeros(36, 10)
b2 = torch.zeros(10)
theta = [t.requires_grad_() for t in (w1, b1, w2, b2)]
velocity = [torch.zeros_like(t) for t in theta]


def net(x):
    return (x @ w1 + b1).clamp(min=0) @ w2 + b2


def xent(scores, t):
    return (scores.logsumexp(1) - scores.gather(1, t[:, None]).squeeze(1)).mean()


rate, friction = 0.1, 0.85
for epoch in range(12):
    for k in torch.randperm(1400, generator=g).split(70):
        grads = torch.autograd.grad(xent(net(X[k]), T[k]), theta)
        with torch.no_grad():
            for t, v, d in zip(theta, velocity, grads):
                v.mul_(friction).sub_(rate * d)
                t.add_(v)
    if epoch % 4 == 3:
        rate *= 0.5

with torch.no_grad():
    accuracy = (net(X[1400:]).argmax(1) == T[1400:]).float().mean().item()
print("accuracy", accuracy)
