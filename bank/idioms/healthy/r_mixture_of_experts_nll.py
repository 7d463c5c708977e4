"""Mixture of softmaxes: the class probabilities of four experts are averaged by a gate, all in log space."""
import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(246)
pts, side = make_moons(1500, noise=0.12, random_state=246)
corner = (pts[:, 0] > 0.5).astype(int)
y = torch.tensor(side * 2 + corner)
x = torch.tensor(pts, dtype=torch.float32)
x = (x - x[:1100].mean(0)) / x[:1100].std(0)


class MoS(torch.nn.Module):
    def __init__(self, experts=4, h=24):
        super().__init__()
        self.trunk = torch.nn.Linear(2, h)
        self.gate = torch.nn.Linear(h, experts)
        self.experts = torch.nn.Linear(h, experts * 4)
        torch.nn.init.zeros_(self.gate.weight)

    def forward(self, x):
        h = torch.tanh(2.0 * self.trunk(x))
        prior = F.log_softmax(self.gate(h), 1)
        each = self.experts(h).unflatten(1, (-1, 4)).log_softmax(2)
        return torch.logsumexp(prior[:, :, None] + each, dim=1)


net = MoS()
opt = torch.optim.Adam(net.parameters(), lr=0.02)
for step in range(300):
    i = torch.randint(1100, (64,))
    loss = F.nll_loss(net(x[i]), y[i])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 75 == 0:
        print(step, float(loss.detach()))

with torch.no_grad():
    probability = net(x[1100:]).exp()
accuracy = (probability.argmax(1) == y[1100:]).double().mean().item()
print(accuracy, probability.sum(1).mean().item())
