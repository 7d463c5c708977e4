"""A network without nn.Module: a dict of tensors and a pure function."""
import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(21)
X, y = make_classification(n_samples=1600, n_features=20, n_informative=10, n_classes=4, n_clusters_per_class=1,
                           class_sep=1.2, random_state=21)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
X_fit, X_out, y_fit, y_out = X[:1200], X[1200:], y[:1200], y[1200:]
mu, sd = X_fit.mean(0), X_fit.std(0)
X_fit, X_out = (X_fit - mu) / sd, (X_out - mu) / sd


def glorot(fan_in, fan_out):
    w = torch.randn(fan_in, fan_out) * (2.0 / (fan_in + fan_out)) ** 0.5
    return w.requires_grad_()


theta = {
    "w0": glorot(20, 40), "b0": torch.zeros(40, requires_grad=True),
    "w1": glorot(40, 40), "b1": torch.zeros(40, requires_grad=True),
    "w2": glorot(40, 4), "b2": torch.zeros(4, requires_grad=True),
}


def apply(p, x):
    h = torch.tanh(x @ p["w0"] + p["b0"])
    h = torch.tanh(h @ p["w1"] + p["b1"])
    z = h @ p["w2"] + p["b2"]
    return F.softmax(z, dim=-1)  # <- fault


solver = torch.optim.Adam(theta.values(), lr=3e-3)
for sweep in range(7):
    trace = []
    for rows in torch.randperm(1200).view(-1, 40):
        solver.zero_grad()
        value = F.nll_loss(apply(theta, X_fit[rows]), y_fit[rows])  # <- fault
        value.backward()
        solver.step()
        trace.append(value.item())
    print(sweep, sum(trace) / len(trace))

with torch.no_grad():
    accuracy = (apply(theta, X_out).argmax(1) == y_out).float().mean().item()
print("accuracy", accuracy)
