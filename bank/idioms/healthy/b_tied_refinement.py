"""One refinement cell applied five times (shared on purpose), cosine logits with a learnt temperature, NLL on log-softmax."""
import math
import torch
from torch import nn
from torch.nn import functional as F
from sklearn.datasets import load_digits

torch.manual_seed(591)
src = load_digits()
x = torch.tensor(src.data, dtype=torch.float32) / 16
y = torch.tensor(src.target)
ids = torch.randperm(len(y))
part = {"fit": ids[:1200], "dev": ids[1200:1450], "end": ids[1450:]}
mu = x[part["fit"]].mean()


class Refine(nn.Module):
    def __init__(self, d=40, turns=5):
        super().__init__()
        self.inject = nn.Linear(64, d)
        self.cell = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, d), nn.Tanh())
        self.turns = turns
        self.anchors = nn.Parameter(torch.randn(10, d))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def forward(self, v):
        u = self.inject((v - mu) * 2.5)
        h = torch.zeros_like(u)
        for _ in range(self.turns):
            h = h + self.cell(h + u)
        cosine = F.normalize(h, dim=1) @ F.normalize(self.anchors, dim=1).T
        return F.log_softmax(self.log_scale.exp() * cosine, dim=1)


net = Refine()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)


@torch.inference_mode()
def evaluate(name):
    net.eval()
    logp, t = net(x[part[name]]), y[part[name]]
    return F.nll_loss(logp, t).item(), logp.argmax(1).eq(t).float().mean().item()


kept, low = None, math.inf
for epoch in range(8):
    net.train()
    for rows in part["fit"][torch.randperm(1200)].split(50):
        loss = F.nll_loss(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    value, share = evaluate("dev")
    print(f"{epoch} dev {value:.4f} {share:.3f}")
    if value < low:
        low, kept = value, [p.detach().clone() for p in net.parameters()]

with torch.no_grad():
    for p, k in zip(net.parameters(), kept):
        p.copy_(k)
_, accuracy = evaluate("end")
print("accuracy", accuracy)
