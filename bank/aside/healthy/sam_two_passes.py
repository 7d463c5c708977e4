"""Sharpness-aware minimisation: two gradients per update, weights are moved away and put back."""
import torch
from torch import nn
from sklearn.datasets import load_digits


class SAM:
    def __init__(self, params, rho=0.05, **kw):
        self.params = list(params)
        self.rho = rho
        self.base = torch.optim.SGD(self.params, **kw)

    @torch.no_grad()
    def climb(self):
        norm = torch.stack([p.grad.norm() for p in self.params]).norm()
        self.offsets = [p.grad * (self.rho / (norm + 1e-12)) for p in self.params]
        torch._foreach_add_(self.params, self.offsets)
        self.base.zero_grad()

    @torch.no_grad()
    def descend(self):
        torch._foreach_sub_(self.params, self.offsets)
        self.base.step()
        self.base.zero_grad()


torch.manual_seed(90)
raw = load_digits()
p = torch.randperm(len(raw.target))
x, y = torch.tensor(raw.data).float()[p], torch.tensor(raw.target)[p]
x = (x - x[:1300].mean()) / x[:1300].std()
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
sam = SAM(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(8):
    net.train()
    for idx in torch.randperm(1300).split(52):
        first = nn.functional.cross_entropy(net(x[idx]), y[idx])
        first.backward()
        sam.climb()
        second = nn.functional.cross_entropy(net(x[idx]), y[idx])
        second.backward()
        sam.descend()
    print(epoch, round(first.item(), 4), round(second.item(), 4))
net.eval()
with torch.no_grad():
    accuracy = (net(x[1300:]).argmax(1) == y[1300:]).double().mean().item()
print("accuracy", accuracy)
