# Sharpness-aware minimisation: climb, take the gradient there, come back, step.
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(45)
pts, side = make_moons(1500, noise=0.2, random_state=45)
pts, side = torch.tensor(pts, dtype=torch.float32), torch.tensor(side)
pts = (pts - pts[:1000].mean(0)) / pts[:1000].std(0)


class Sharp:
    def __init__(self, net, inner, rho):
        self.net, self.inner, self.rho, self.nudges = net, inner, rho, []

    @torch.no_grad()
    def climb(self):
        length = torch.stack([p.grad.norm() for p in self.net.parameters()]).norm() + 1e-12
        self.nudges = [self.rho * p.grad / length for p in self.net.parameters()]
        for p, e in zip(self.net.parameters(), self.nudges):
            p.add_(e)
        self.inner.zero_grad()

    @torch.no_grad()
    def descend(self):
        for p, e in zip(self.net.parameters(), self.nudges):
            p.sub_(e)
        self.inner.step()
        self.inner.zero_grad()


net = nn.Sequential(nn.Linear(2, 32), nn.SELU(), nn.Linear(32, 32), nn.SELU(), nn.Linear(32, 2))
sam = Sharp(net, torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9), rho=0.05)
ce = nn.CrossEntropyLoss()
for epoch in range(12):
    for b in torch.randperm(1000).split(50):
        ce(net(pts[b]), side[b]).backward()
        sam.climb()
        ce(net(pts[b]), side[b]).backward()
        sam.descend()

with torch.no_grad():
    accuracy = (net(pts[1000:]).argmax(1) == side[1000:]).float().mean().item()
print("accuracy", accuracy)
