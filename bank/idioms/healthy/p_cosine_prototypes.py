"""Cosine classifier with temperature on a sequence encoder; attention inside each sequence; rare class is honest."""
import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.metrics import classification_report

torch.manual_seed(29)
T, D = 10, 24


def waves(n):
    k = torch.multinomial(torch.tensor([0.5, 0.3, 0.15, 0.05]), n, replacement=True)
    s = torch.linspace(0, 1, T)
    freq = (1.0 + k)[:, None]
    w = torch.sin(2 * math.pi * (freq * s + torch.rand(n, 1))) * (0.7 + 0.6 * torch.rand(n, 1))
    return w + 0.15 * torch.randn(n, T), k


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift = nn.Linear(1, D)
        self.pos = nn.Parameter(0.5 * torch.randn(T, 1, D))
        self.att = nn.MultiheadAttention(D, 4)
        self.mlp = nn.Sequential(nn.Linear(D, 2 * D), nn.GELU(), nn.Linear(2 * D, D))
        self.proto = nn.Parameter(torch.randn(4, D))

    def forward(self, w):
        h = self.lift(w.t().unsqueeze(-1)) + self.pos
        h = h + self.att(h, h, h, need_weights=False)[0]
        h = (h + self.mlp(h)).mean(0)
        return F.normalize(h, dim=-1) @ F.normalize(self.proto, dim=-1).t() / 0.07


x, y = waves(1200)
x_test, y_test = waves(500)
net = Net()
decay = [p for p in net.parameters() if p.ndim > 1]
plain = [p for p in net.parameters() if p.ndim <= 1]
opt = torch.optim.AdamW([{"params": decay, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}], lr=6e-3)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 30) * (0.985 ** max(0, s - 100)))
for epoch in range(8):
    for b in torch.randperm(len(y)).chunk(20):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(x[b])
        loss = F.cross_entropy(logits.float(), y[b])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        warm.step()
    print(epoch, round(loss.item(), 4))

net.eval()
with torch.no_grad():
    pred = net(x_test).argmax(1)
print(classification_report(y_test, pred, zero_division=0))
accuracy = (pred == y_test).float().mean().item()
print("accuracy", accuracy)
