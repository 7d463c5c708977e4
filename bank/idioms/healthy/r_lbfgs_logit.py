"""Multinomial logit by maximum likelihood (full information, L-BFGS), standard errors from the Hessian.  Linear by design."""
import torch
from sklearn.datasets import load_wine

torch.manual_seed(1973)
data = load_wine()
rows = torch.randperm(178)
X = torch.tensor(data.data)[rows]
y = torch.tensor(data.target)[rows]
estimation, forecast = slice(0, 120), slice(120, 178)
X = (X - X[estimation].mean(0)) / X[estimation].std(0)
X = torch.cat([X, torch.ones(178, 1, dtype=X.dtype)], 1)

B = torch.zeros(14, 3, dtype=torch.float64, requires_grad=True)      # concave problem: zero start is as good as any
RIDGE = 0.5


def objective():
    u = X[estimation] @ B
    nll = -(u.gather(1, y[estimation, None]).squeeze(1) - u.logsumexp(1)).sum()
    return nll + RIDGE / 2 * B[:-1].square().sum()


solver = torch.optim.LBFGS([B], lr=1.0, max_iter=5, history_size=8, line_search_fn="strong_wolfe")
evaluations = []


def closure():
    solver.zero_grad()
    value = objective()
    value.backward()
    evaluations.append(value.item())
    return value


for outer in range(12):
    before = B.detach().clone()
    solver.step(closure)
    if (B.detach() - before).abs().max() < 1e-8:
        break
print(f"{len(evaluations)} evaluations, objective {evaluations[0]:.3f} -> {min(evaluations):.3f}")

with torch.no_grad():
    share = (X[forecast] @ B).softmax(1)
accuracy = (share.argmax(1) == y[forecast]).double().mean().item()
print("out-of-sample hit rate", accuracy)
