# 3-axis accelerometer gestures; the exported net has to fit in 16 kB of flash
import math
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset, random_split

FS, T, N_PER = 32, 48, 130
torch.manual_seed(0xBEEF)


def synth(kind: int) -> torch.Tensor:
    t = torch.arange(T) / FS
    f = 1.5 + 0.4 * torch.rand(())
    ph = 2 * math.pi * torch.rand(())
    if kind == 0:      # circle
        s = torch.stack([torch.sin(2 * math.pi * f * t + ph), torch.cos(2 * math.pi * f * t + ph), 0 * t])
    elif kind == 1:    # shake
        s = torch.stack([torch.sin(6 * math.pi * f * t + ph), 0.3 * torch.sin(6 * math.pi * f * t), 0 * t])
    elif kind == 2:    # tap
        s = torch.zeros(3, T)
        s[2, torch.randint(4, T - 6, (1,)).item():][:5] = 2.0
    else:              # lift
        s = torch.stack([0 * t, 0 * t, torch.tanh(3 * (t - 0.7)) + 0.2 * torch.sin(ph + t)])
    return s + 0.35 * torch.randn(3, T)


raw = torch.stack([synth(k) for k in range(4) for _ in range(N_PER)])
lab = torch.arange(4).repeat_interleave(N_PER)
dev_set, bench_set = random_split(TensorDataset(raw, lab), [400, 120])
m = raw[dev_set.indices].mean((0, 2), keepdim=True)
s = raw[dev_set.indices].std((0, 2), keepdim=True)

net = nn.Sequential(
    nn.Conv1d(3, 12, 5, stride=2, padding=2), nn.ReLU6(),
    nn.Conv1d(12, 12, 5, stride=2, padding=2, groups=12), nn.Conv1d(12, 24, 1), nn.ReLU6(),
    nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(96, 4),
)
assert sum(p.numel() for p in net.parameters()) * 4 < 16 * 1024

feed = DataLoader(dev_set, batch_size=25, shuffle=True)
EPOCHS = 10
total = EPOCHS * len(feed)
opt = torch.optim.RMSprop(net.parameters(), lr=3e-3)
decay = LambdaLR(opt, lambda tick: max(0, total - 1 - tick) / total)

tick = 0
while tick < total:
    for xb, yb in feed:
        net.zero_grad(set_to_none=True)
        err = nn.functional.cross_entropy(net((xb - m) / s), yb)
        err.backward()
        opt.step()
        decay.step()
        tick += 1
    if tick % (2 * len(feed)) == 0:
        print("tick %4d  err %.4f" % (tick, err.item()))

hits = 0
net.eval()
with torch.inference_mode():
    for xb, yb in DataLoader(bench_set, batch_size=40):
        hits += int((net((xb - m) / s).max(1).indices == yb).sum())
accuracy = hits / len(bench_set)
print("bench:", accuracy)
