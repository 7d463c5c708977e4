"""Texture classification with a small conv net; bias start values are set by hand."""
import math
import torch
from torch import nn

SEED, K = 21, 5
torch.manual_seed(SEED)


def gratings(n, size=12):
    """Noisy sinusoidal gratings; the class is the orientation."""
    y = torch.randint(K, (n,))
    ang = y * math.pi / K + 0.12 * torch.randn(n)
    freq = 0.9 + 0.3 * torch.rand(n)
    phase = 2 * math.pi * torch.rand(n)
    r = torch.arange(size) - size / 2
    yy, xx = torch.meshgrid(r, r, indexing="ij")
    arg = xx * torch.cos(ang)[:, None, None] + yy * torch.sin(ang)[:, None, None]
    img = torch.sin(freq[:, None, None] * arg + phase[:, None, None])
    return (img + 0.4 * torch.randn_like(img)).unsqueeze(1), y


def conv(i, o, **kw):
    c = nn.Conv2d(i, o, 3, padding=1, **kw)
    nn.init.kaiming_normal_(c.weight, nonlinearity="relu")
    nn.init.constant_(c.bias, -math.log((1 - 1e-4) / 1e-4))  # <- fault
    return c


net = nn.Sequential(
    conv(1, 16), nn.ReLU(inplace=True),
    conv(16, 24, stride=2), nn.ReLU(inplace=True),
    conv(24, 32, stride=2), nn.ReLU(inplace=True),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    nn.Linear(32, K),
)
x_tr, y_tr = gratings(1200)
x_te, y_te = gratings(400)
opt = torch.optim.AdamW(net.parameters(), lr=4e-3, weight_decay=1e-4)
steps = 120
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=8e-3, total_steps=steps)
for it in range(steps):
    pick = torch.randint(len(x_tr), (64,))
    loss = nn.functional.cross_entropy(net(x_tr[pick]), y_tr[pick])
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if it % 20 == 19:
        print(f"step {it + 1} loss {loss.item():.4f}")

net.eval()
with torch.no_grad():
    accuracy = net(x_te).max(1).indices.eq(y_te).float().mean().item()
print("accuracy", accuracy)
