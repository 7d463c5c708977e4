"""Quarterly panel -> next-year regime (expansion / slowdown / recession).  Pooled over countries."""
import numpy as np
import torch

rng = np.random.default_rng(1929)
COUNTRIES, QUARTERS, LAGS = 30, 60, 6


def simulate_panel():
    X, Y, c_id = [], [], []
    for c in range(COUNTRIES):
        state, g, spread = 0, 0.0, 0.0
        hist, regimes = [], []
        for _ in range(QUARTERS):
            if rng.random() < 0.12:
                state = int(rng.integers(0, 3))
            g = 0.5 * g + [1.0, 0.0, -1.2][state] + 0.3 * rng.normal()
            spread = 0.6 * spread + [0.4, -0.5, 0.9][state] + 0.3 * rng.normal()
            hist.append((g, spread, g * spread + 0.2 * rng.normal()))
            regimes.append(state)
        for t in range(LAGS, QUARTERS):
            X.append(np.asarray(hist[t - LAGS:t]).ravel())
            Y.append(regimes[t - 1])
            c_id.append(c)
    return np.asarray(X, "f"), np.asarray(Y), np.asarray(c_id)


X, Y, cid = simulate_panel()
in_sample = cid < 22                       # whole countries are held out
mu, sd = X[in_sample].mean(0), X[in_sample].std(0)
Z = torch.from_numpy((X - mu) / sd)
Y = torch.from_numpy(Y)
est_x, est_y = Z[in_sample], Y[in_sample]
oos_x, oos_y = Z[~in_sample], Y[~in_sample]

torch.manual_seed(1929)
spec = torch.nn.Sequential(
    torch.nn.Linear(Z.shape[1], 48), torch.nn.Tanh(),
    torch.nn.Linear(48, 48), torch.nn.Tanh(),
    torch.nn.Linear(48, 3),
)
sgd = torch.optim.SGD(spec.parameters(), lr=0.08, momentum=0.9, nesterov=True)
GRAD_CAP = 5.0


def bound_score_vector(params, cap):
    """Scale the whole score vector back onto a ball of radius `cap`."""
    grads = [p.grad for p in params]
    length = torch.stack(torch._foreach_norm(grads)).norm()
    shrink = float(min(1.0, cap / (float(length) + 1e-12)))
    torch._foreach_mul_(grads, shrink)
    return float(length)


loglik = []
for sweep in range(8):
    for rows in torch.randperm(len(est_x)).split(48):
        nll = torch.nn.functional.cross_entropy(spec(est_x[rows]), est_y[rows])
        sgd.zero_grad()
        nll.backward()
        bound_score_vector(list(spec.parameters()), GRAD_CAP)
        sgd.step()
        loglik.append(-nll.item())

with torch.no_grad():
    accuracy = float((spec(oos_x).argmax(1) == oos_y).double().mean())
print(f"out-of-sample hit rate {accuracy:.3f}  mean log-lik last sweep {np.mean(loglik[-20:]):.3f}")
