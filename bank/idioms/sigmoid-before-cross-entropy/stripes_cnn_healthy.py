import math
import torch
from torch import nn

g = torch.Generator().manual_seed(5)
torch.manual_seed(5)
N_CLASSES = 5


def stripes(n):
    """Gratings of five orientations, random phase, noisy."""
    k = torch.randint(N_CLASSES, (n,), generator=g)
    ang = k * math.pi / N_CLASSES
    phase = torch.rand(n, generator=g) * 2 * math.pi
    r = torch.linspace(-1, 1, 12)
    yy, xx = torch.meshgrid(r, r, indexing="ij")
    wave = torch.cos(ang)[:, None, None] * xx + torch.sin(ang)[:, None, None] * yy
    img = torch.sin(7 * wave + phase[:, None, None])
    return (img + 1.4 * torch.randn(n, 12, 12, generator=g)).unsqueeze(1), k


def block(i, o):
    return [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.SiLU()]


def build(width=8):
    layers = block(1, width) + block(width, width * 2) + [nn.MaxPool2d(2)] + block(width * 2, width * 2)
    layers += [nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(width * 2, N_CLASSES)]
    return nn.Sequential(*layers)


x_fit, y_fit = stripes(1200)
x_new, y_new = stripes(500)
scale = x_fit.std()
x_fit, x_new = x_fit / scale, x_new / scale
net = build()
opt = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9, nesterov=True)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=5)
ce = nn.CrossEntropyLoss()
for ep in range(5):
    net.train()
    perm = torch.randperm(len(x_fit), generator=g)
    for i in range(0, len(perm), 60):
        take = perm[i:i + 60]
        loss = ce(net(x_fit[take]), y_fit[take])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
    sched.step()
    print(ep, round(loss.item(), 4))

net.eval()
with torch.no_grad():
    accuracy = float((net(x_new).argmax(1) == y_new).double().mean())
print(accuracy)
