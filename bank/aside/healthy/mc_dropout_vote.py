"""Monte-Carlo dropout: the predictive distribution is the mean over stochastic passes, on purpose."""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from sklearn.datasets import make_moons


class BayesianMLP(nn.Module):
    def __init__(self, p=0.1):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 64), nn.Linear(64, 64), nn.Linear(64, 2)
        self.p = p

    def forward(self, x):
        x = F.dropout(F.relu(self.a(x)), self.p, training=True)
        x = F.dropout(F.relu(self.b(x)), self.p, training=True)
        return self.c(x)

    @torch.no_grad()
    def predictive(self, x, samples=40):
        self.eval()
        draws = torch.stack([self(x).softmax(-1) for _ in range(samples)])
        mean = draws.mean(0)
        entropy = -(mean * mean.clamp_min(1e-9).log()).sum(-1)
        return mean, entropy


torch.manual_seed(52)
xs, ys = make_moons(1300, noise=0.18, random_state=52)
xs = (xs - xs[:900].mean(0)) / xs[:900].std(0)
x, y = torch.tensor(xs).float(), torch.tensor(ys)
net = BayesianMLP()
opt = torch.optim.Adam(net.parameters(), lr=8e-3)
for epoch in range(12):
    net.train()
    for chunk in np.array_split(np.random.default_rng(epoch).permutation(900), 18):
        loss = F.cross_entropy(net(x[chunk]), y[chunk])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))
probability, entropy = net.predictive(x[900:])
right = probability.argmax(1).eq(y[900:])
print("mean entropy when right %.3f, when wrong %.3f" % (entropy[right].mean(), entropy[~right].mean()))
accuracy = right.double().mean().item()
print("accuracy", accuracy)
