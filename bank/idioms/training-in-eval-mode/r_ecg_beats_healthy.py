"""Heartbeat morphology classifier, toy signals.  Monitors a held-back monitoring set after every epoch."""
import contextlib
import numpy as np
import torch
from torch import nn


def beats(n, rs):
    t = np.linspace(-1, 1, 64)
    out, lab = np.empty((n, 1, 64), "float32"), rs.randint(0, 4, n)
    for i, c in enumerate(lab):
        j = rs.normal(0, 0.06)
        w = {0: 0.05, 1: 0.14, 2: 0.05, 3: 0.05}[c] * rs.uniform(0.85, 1.2)
        qrs = np.exp(-((t - j) / w) ** 2)
        p = (0.25 if c != 2 else 0.0) * np.exp(-((t - j + 0.45) / 0.1) ** 2)
        tw = (0.35 if c != 3 else -0.3) * np.exp(-((t - j - 0.5) / 0.15) ** 2)
        out[i, 0] = 40 * (qrs + p + tw) + rs.uniform(-6, 6) + rs.normal(0, 5.0, 64)   # arbitrary ADC units
    return torch.from_numpy(out), torch.from_numpy(lab)


rs = np.random.RandomState(11)
torch.manual_seed(11)
xtr, ytr = beats(400, rs)
xmon, ymon = beats(160, rs)
xte, yte = beats(300, rs)
loc, scale = xtr.mean(), xtr.std()
xtr, xmon, xte = [(v - loc) / scale for v in (xtr, xmon, xte)]


def unit(i, o, s):
    return nn.Sequential(nn.Conv1d(i, o, 7, stride=s, padding=3, bias=False), nn.BatchNorm1d(o), nn.ReLU(), nn.Dropout(0.1))


net = nn.Sequential(unit(1, 16, 2), unit(16, 24, 2), unit(24, 32, 2), nn.AdaptiveMaxPool1d(2), nn.Flatten(), nn.Linear(64, 4))


@contextlib.contextmanager
def inference(module):
    previous = module.training
    module.eval()
    try:
        with torch.no_grad():
            yield module
    finally:
        module.train(previous)


opt = torch.optim.SGD(net.parameters(), lr=0.06, momentum=0.9, weight_decay=1e-4)
lr_plan = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=9)
history = []
with inference(net) as f:
    history.append(nn.functional.cross_entropy(f(xmon), ymon).item())
for epoch in range(9):
    order = torch.randperm(400)
    for part in order.view(-1, 20):
        opt.zero_grad()
        nn.functional.cross_entropy(net(xtr[part]), ytr[part]).backward()
        opt.step()
    lr_plan.step()
    with inference(net) as f:
        history.append(nn.functional.cross_entropy(f(xmon), ymon).item())
print("monitor:", np.round(history, 3))

with inference(net) as f:
    accuracy = f(xte).argmax(1).eq(yte).float().mean().item()
print("test", accuracy)
