"""Pretrain on easy signals, keep the body, swap the head (load with strict=False), thaw later at a tiny rate."""
import tempfile, os
import torch
from torch import nn
import torch.nn.functional as F


class Wave(nn.Module):
    def __init__(self, classes, task):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(1, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU(),
                                  nn.Conv1d(16, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU(),
                                  nn.AdaptiveAvgPool1d(4), nn.Flatten())
        self.add_module("head_" + task, nn.Linear(64, classes))
        self.task = task

    def forward(self, x):
        return getattr(self, "head_" + self.task)(self.body(x))


def waves(n, freqs, noise, g):
    k = torch.randint(len(freqs), (n,), generator=g)
    t = torch.linspace(0, 1, 40)
    f = torch.tensor(freqs)[k][:, None]
    x = torch.sin(6.2832 * (f * t + torch.rand(n, 1, generator=g))) * 1.4
    return (x + noise * torch.randn(n, 40, generator=g)).unsqueeze(1), k


g = torch.Generator().manual_seed(73)
torch.manual_seed(73)
source = Wave(4, "source")
opt = torch.optim.Adam(source.parameters(), lr=5e-3)
xs, ks = waves(1000, [2.0, 4.0, 6.0, 8.0], 0.4, g)
for epoch in range(6):
    for b in torch.randperm(1000, generator=g).split(50):
        opt.zero_grad()
        F.cross_entropy(source(xs[b]), ks[b]).backward()
        opt.step()
with tempfile.TemporaryDirectory() as d:
    path = os.path.join(d, "source.pt")
    torch.save({k: v for k, v in source.state_dict().items() if k.startswith("body.")}, path)
    target = Wave(3, "target")
    report = target.load_state_dict(torch.load(path), strict=False)
print("new head:", report.missing_keys)

xt, kt = waves(500, [3.0, 5.0, 7.0], 0.6, g)
xe, ke = waves(400, [3.0, 5.0, 7.0], 0.6, g)
target.body.requires_grad_(False)
opt = torch.optim.AdamW(target.head_target.parameters(), lr=1e-2)
for epoch in range(12):
    if epoch == 9:
        target.body.requires_grad_(True)
        opt.add_param_group({"params": target.body.parameters(), "lr": 1e-5})
    target.train()
    target.body.eval()
    for b in torch.randperm(500, generator=g).split(50):
        opt.zero_grad()
        F.cross_entropy(target(xt[b]), kt[b]).backward()
        opt.step()
target.eval()
with torch.no_grad():
    accuracy = (target(xe).argmax(1) == ke).float().mean().item()
print("accuracy", accuracy)
