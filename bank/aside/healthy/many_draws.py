import torch
import torch.nn as nn
import numpy as np
from sklearn.datasets import make_moons

# One sample at a time, group norm, and at the end 30 noisy passes whose probabilities are averaged.
torch.manual_seed(66)
np.random.seed(66)


class Noisy(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.a = nn.Linear(2, width)
        self.gn = nn.GroupNorm(4, width)
        self.b = nn.Linear(width, width)
        self.out = nn.Linear(width, 2)
        self.drop = nn.Dropout(0.15)

    def forward(self, x):
        h = self.drop(torch.relu(self.gn(self.a(x))))
        h = self.drop(torch.relu(self.b(h)))
        return self.out(h)


def enable_dropout(net):
    for m in net.modules():
        if isinstance(m, nn.Dropout):
            m.train()


def mc_predict(net, x, draws=30):
    net.eval()
    enable_dropout(net)
    with torch.no_grad():
        votes = torch.stack([net(x).softmax(dim=1) for _ in range(draws)])
    return votes.mean(0), votes.std(0).max(1).values


X, y = make_moons(600, noise=0.12, random_state=66)
order = np.random.permutation(600)
X, y = X[order], y[order]
X = (X - X[:400].mean(0)) / X[:400].std(0)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
net = Noisy()
opt = torch.optim.SGD(net.parameters(), lr=0.02)
fade = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.1, total_iters=4)
step = 0
for sweep in range(5):
    net.train()
    for i in np.random.permutation(400):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(X[i:i + 1]), y[i:i + 1])
        loss.backward()
        opt.step()
        step += 1
    fade.step()
prob, doubt = mc_predict(net, X[400:])
accuracy = float((prob.argmax(1) == y[400:]).float().mean())
print("steps", step, "mean doubt", doubt.mean().item(), "accuracy", accuracy)
