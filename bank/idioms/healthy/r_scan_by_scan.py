"""One volume per forward (memory of the scanner PC), group norm, gradients of 8 volumes summed, EMA weights reported."""
import copy
import itertools
import torch
from torch import nn

torch.manual_seed(808)
D = 8


def volume(kind):
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, D)] * 3, indexing="ij")
    c = torch.rand(3) * 0.6 - 0.3
    u = torch.stack([z - c[0], y - c[1], x - c[2]])
    inside = [u.norm(dim=0) < 0.55, u[:2].norm(dim=0) < 0.3, u[0].abs() < 0.2][kind]
    return inside.float() + 0.6 * torch.randn(D, D, D)


train = [(volume(i % 3)[None, None], torch.tensor([i % 3])) for i in range(240)]
test = [(volume(i % 3)[None, None], i % 3) for i in range(150)]
net = nn.Sequential(
    nn.InstanceNorm3d(1), nn.Conv3d(1, 8, 3, stride=2, padding=1), nn.GroupNorm(4, 8), nn.ReLU(inplace=True),
    nn.Conv3d(8, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(inplace=True), nn.AdaptiveMaxPool3d(1), nn.Flatten(),
    nn.Linear(16, 3),
)
ema = copy.deepcopy(net).requires_grad_(False)
opt = torch.optim.AdamW(net.parameters(), lr=0.02, weight_decay=1e-3)
WARM, GROUP = 4, 8
warm = torch.optim.lr_scheduler.LinearLR(opt, 0.1, 1.0, WARM)
updates = 0


def endless():
    while True:
        for i in torch.randperm(len(train)).tolist():
            yield train[i]


for n, (vol, kind) in enumerate(itertools.islice(endless(), 480), start=1):
    loss = nn.functional.cross_entropy(net(vol), kind, label_smoothing=0.05) / GROUP
    loss.backward()
    if n % GROUP:
        continue
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    opt.zero_grad()
    if updates < WARM:
        warm.step()
    updates += 1
    rate = min(0.9, (1 + updates) / (10 + updates))
    for slow, fast in zip(ema.parameters(), net.parameters()):
        slow.lerp_(fast.detach(), 1 - rate)

ema.eval()
good = 0
for vol, kind in test:
    with torch.no_grad():
        good += int(ema(vol).argmax()) == kind
accuracy = good / len(test)
print(updates, "updates, volumes right:", accuracy)
