## Homework 4: penalised maximum likelihood for a small network
import torch
import numpy as np
from sklearn.datasets import load_digits

torch.manual_seed(17); np.random.seed(17)

digits = load_digits(n_class=8)
A, lab = digits.data, digits.target
keep = A.std(0) > 0.5
A = A[:, keep]
ix = np.random.permutation(len(lab))
fit_ix, hold_ix = np.split(ix, [1000])
m, s = A[fit_ix].mean(0), A[fit_ix].std(0) + 1.0
A = torch.tensor((A - m) / s, dtype=torch.float32)
lab = torch.tensor(lab)


class Mlp(torch.nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.W = torch.nn.ParameterList([torch.nn.Parameter(torch.randn(a, b) * (2 / a) ** 0.5) for a, b in zip(sizes, sizes[1:])])
        self.b = torch.nn.ParameterList([torch.nn.Parameter(torch.zeros(b)) for b in sizes[1:]])

    def forward(self, h):
        last = len(self.W) - 1
        for j, (W, b) in enumerate(zip(self.W, self.b)):
            h = torch.addmm(b, h, W)
            h = h if j == last else h.relu()
        return h


alpha = 1e-4
mlp = Mlp([int(keep.sum()), 60, 40, 8])
opt = torch.optim.SGD(mlp.parameters(), lr=0.08, momentum=0.9)


def objective(rows):
    nll = -torch.distributions.Categorical(logits=mlp(A[rows])).log_prob(lab[rows]).mean()
    ridge = 0.5 * sum(W.square().sum() for W in mlp.W)
    return nll + alpha * ridge, nll


trace = []
for epoch in range(14):
    for rows in np.array_split(np.random.permutation(fit_ix), 20):
        total, nll = objective(torch.from_numpy(rows))
        opt.zero_grad()
        total.backward()
        opt.step()
        trace.append((total.item(), nll.item()))
    print(f"epoch {epoch:2d}  objective {np.mean(trace[-20:], axis=0)[0]:.3f}  -loglik {np.mean(trace[-20:], axis=0)[1]:.3f}")

with torch.no_grad():
    yhat = mlp(A[hold_ix]).argmax(1)
accuracy = (yhat == lab[hold_ix]).float().mean().item()
print("accuracy on the held-out rows:", round(accuracy, 4))
