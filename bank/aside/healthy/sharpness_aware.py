"""Sharpness-aware minimisation: climb first, then descend from the perturbed point."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(64)
d = load_digits()
x = torch.tensor(d.data).float()
y = torch.tensor(d.target)
p = torch.randperm(len(y))
tr, te = p[:1300], p[1300:]
x = (x - x[tr].mean()) / x[tr].std()


class SAM:
    def __init__(self, params, base, rho=0.05):
        self.params, self.base, self.rho = list(params), base, rho
        self.delta = []

    @torch.no_grad()
    def climb(self):
        norm = torch.stack([q.grad.norm() for q in self.params]).norm() + 1e-12
        self.delta = [q.grad * (self.rho / norm) for q in self.params]
        for q, e in zip(self.params, self.delta):
            q.add_(e)
            q.grad = None

    @torch.no_grad()
    def descend(self):
        for q, e in zip(self.params, self.delta):
            q.sub_(e)
        self.base.step()
        self.base.zero_grad()


net = nn.Sequential(nn.Linear(64, 96, bias=False), nn.SELU(), nn.Linear(96, 10))
sam = SAM(net.parameters(), torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9))
for epoch in range(8):
    for b in tr[torch.randperm(len(tr))].split(64):
        F.cross_entropy(net(x[b]), y[b]).backward()
        sam.climb()
        F.cross_entropy(net(x[b]), y[b]).backward()
        sam.descend()

with torch.no_grad():
    accuracy = (net(x[te]).argmax(1) == y[te]).float().mean().item()
print(accuracy)
