"""Two recording devices; features must say the class and must not say the device."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, strength):
        ctx.strength = strength
        return h.view_as(h)

    @staticmethod
    def backward(ctx, g):
        return -ctx.strength * g, None


torch.manual_seed(140)
d = load_digits()
x = torch.tensor(d.data).float().sub(4.9).div(6.0)
y = torch.tensor(d.target)
device = torch.randint(0, 2, (len(y),))
x = x + 0.3 * device[:, None] * torch.linspace(-1, 1, 64)
p = torch.randperm(len(y))
tr, te = p[:1300], p[1300:]

body = nn.Sequential(nn.Linear(64, 80), nn.ReLU(), nn.Linear(80, 40), nn.ReLU())
digit_head, device_head = nn.Linear(40, 10), nn.Linear(40, 2)
everything = nn.ModuleDict({"body": body, "digit": digit_head, "device": device_head})
opt = torch.optim.AdamW(everything.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=60)
for epoch in range(9):
    everything.train()
    for i, b in enumerate(tr[torch.randperm(len(tr))].split(65)):
        h = body(x[b])
        task = F.cross_entropy(digit_head(h), y[b])
        entropy = torch.distributions.Categorical(logits=digit_head(h)).entropy().mean()
        who = F.cross_entropy(device_head(Reverse.apply(h, 0.2)), device[b])
        loss = task + who - 0.01 * entropy
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
    print(f"epoch {epoch}: digit {task.item():.3f} device {who.item():.3f}")

everything.eval()
with torch.no_grad():
    accuracy = (digit_head(body(x[te])).argmax(1) == y[te]).float().mean().item()
print(accuracy)
