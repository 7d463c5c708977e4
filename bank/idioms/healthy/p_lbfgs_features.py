"""Random Fourier features (fixed) + multinomial logit by L-BFGS, as in the statistics lab."""
import torch
from sklearn.datasets import make_circles, make_moons
import numpy as np

torch.manual_seed(2)
Xc, yc = make_circles(700, noise=0.08, factor=0.45, random_state=1)
Xm, ym = make_moons(700, noise=0.08, random_state=1)
X = np.vstack([Xc, Xm + [3.0, 0.0]])
y = np.concatenate([yc, ym + 2])
p = np.random.default_rng(1).permutation(len(y))
X, y = torch.tensor(X[p]), torch.tensor(y[p])
X = (X - X[:1000].mean(0)) / X[:1000].std(0)


class Rff(torch.nn.Module):
    def __init__(self, d, m, k, scale=3.0):
        super().__init__()
        self.omega = torch.nn.Parameter(scale * torch.randn(d, m), requires_grad=False)
        self.phase = torch.nn.Parameter(2 * torch.pi * torch.rand(m), requires_grad=False)
        self.coef = torch.nn.Parameter(torch.zeros(m, k))

    def forward(self, x):
        return (x @ self.omega + self.phase).cos() @ self.coef


model = Rff(2, 200, 4).double()
lam = 1e-4
solver = torch.optim.LBFGS([model.coef], lr=1.0, max_iter=4, history_size=8, line_search_fn="strong_wolfe")
evaluations = []


def closure():
    solver.zero_grad()
    f = torch.nn.functional.cross_entropy(model(X[:1000]), y[:1000], reduction="sum") / 1000
    f = f + 0.5 * lam * model.coef.square().sum()
    f.backward()
    evaluations.append(f.item())
    return f


for it in range(30):
    f = solver.step(closure)
    if it % 6 == 0:
        print(it, f"{f.item():.5f}", len(evaluations), "evaluations")
with torch.no_grad():
    accuracy = (model(X[1000:]).argmax(1) == y[1000:]).double().mean().item()
print("held-out", accuracy)
