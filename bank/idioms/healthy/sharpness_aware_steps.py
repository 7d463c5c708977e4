"""Each update takes two gradients: one to climb to the worst point nearby, one to descend from there."""
import torch
from torch import nn
from sklearn.datasets import load_digits


class SharpnessAware(torch.optim.Optimizer):
    def __init__(self, params, base, radius=0.05, **kw):
        super().__init__(params, dict(radius=radius, **kw))
        self.base = base(self.param_groups, **kw)

    @torch.no_grad()
    def climb(self):
        grads = [p.grad.norm() for g in self.param_groups for p in g["params"]]
        norm = torch.stack(grads).norm()
        for group in self.param_groups:
            for p in group["params"]:
                e = p.grad * (group["radius"] / (norm + 1e-12))
                p.add_(e)
                self.state[p]["e"] = e
        self.zero_grad()

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.sub_(self.state[p]["e"])
        self.base.step()
        self.zero_grad()


torch.manual_seed(201)
d = load_digits()
order = torch.randperm(1797)
x, y = torch.tensor(d.images)[order].float().unsqueeze(1), torch.tensor(d.target)[order]
x = (x - x[:1300].mean()) / x[:1300].std()
net = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
opt = SharpnessAware(net.parameters(), torch.optim.SGD, lr=0.05, momentum=0.9)
for epoch in range(5):
    for rows in torch.randperm(1300).split(50):
        first = nn.functional.cross_entropy(net(x[rows]), y[rows])
        first.backward()
        opt.climb()
        nn.functional.cross_entropy(net(x[rows]), y[rows]).backward()
        opt.step()
    print(epoch, first.item())
net.eval()
with torch.no_grad():
    accuracy = (net(x[1300:]).argmax(1) == y[1300:]).float().mean().item()
print("accuracy", accuracy)
