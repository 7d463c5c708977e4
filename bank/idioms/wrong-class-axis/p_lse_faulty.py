import math, torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedShuffleSplit

torch.manual_seed(31)


class Whiten(nn.Module):
    """Fixed affine input layer from training statistics."""

    def __init__(self, ref, k=40):
        super().__init__()
        mu = ref.mean(0)
        _, S, Vh = torch.linalg.svd(ref - mu, full_matrices=False)
        self.register_buffer("mu", mu)
        self.register_buffer("W", Vh[:k].T * (math.sqrt(len(ref)) / S[:k]))

    def forward(self, x):
        return (x - self.mu) @ self.W


def log_posterior(scores):
    return scores - torch.logsumexp(scores, 0, keepdim=True)  # <- fault


def neg_log_lik(scores, t):
    lp = log_posterior(scores)
    return -lp.gather(1, t.unsqueeze(1)).mean()


data = load_digits()
X = torch.tensor(data.data, dtype=torch.float)
y = torch.tensor(data.target)
a, b = next(StratifiedShuffleSplit(1, test_size=0.3, random_state=3).split(X, y))
a, b = torch.tensor(a), torch.tensor(b)

net = nn.Sequential(Whiten(X[a]), nn.Linear(40, 64), nn.ELU(), nn.Linear(64, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.8, nesterov=True)

n_epochs = 10
for ep in range(n_epochs):
    for g in opt.param_groups:
        g["lr"] = 0.2 * 0.5 * (1 + math.cos(math.pi * ep / n_epochs))
    acc_loss, k = 0.0, 0
    for idx in a[torch.randperm(len(a))].split(50):
        if len(idx) < 50:
            continue
        opt.zero_grad()
        loss = neg_log_lik(net(X[idx]), y[idx])
        loss.backward()
        opt.step()
        acc_loss += loss.item()
        k += 1
    print(f"{ep:2d} {acc_loss / k:.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(X[b]).max(1).indices == y[b]).double().mean().item()
print("acc", accuracy)
