import copy
import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

EPOCHS, MAX_LR, DECAY, SMOOTH = 12, 0.4, 0.95, 0.1


def mixup(x, y, beta):
    lam = float(beta.sample())
    partner = torch.randperm(len(x))
    hot = nn.functional.one_hot(y, 10).float()
    return lam * x + (1 - lam) * x[partner], lam * hot + (1 - lam) * hot[partner]


class Average:
    """exponential moving average of weights; buffers are copied"""

    def __init__(self, net):
        self.shadow = copy.deepcopy(net).eval().requires_grad_(False)

    @torch.no_grad()
    def follow(self, net, n):
        d = min(DECAY, (1 + n) / (10 + n))
        for s, p in zip(self.shadow.parameters(), net.parameters()):
            s.lerp_(p, 1 - d)
        for s, b in zip(self.shadow.buffers(), net.buffers()):
            s.copy_(b)


torch.manual_seed(4)
d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1)
tr, te = random_split(TensorDataset((x - 4.88) / 6.0, torch.tensor(d.target)), [1440, 357])
dl = DataLoader(tr, batch_size=72, shuffle=True, drop_last=True)
net = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
    nn.Flatten(), nn.Linear(96, 10))
opt = torch.optim.SGD(net.parameters(), lr=MAX_LR, momentum=0.9, nesterov=True, weight_decay=5e-4)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, MAX_LR, epochs=EPOCHS, steps_per_epoch=len(dl))
ema = Average(net)
beta = torch.distributions.Beta(0.4, 0.4)
n = 0
for epoch in range(EPOCHS):
    net.train()
    for xb, yb in dl:
        xm, ym = mixup(xb, yb, beta)
        loss = nn.functional.cross_entropy(net(xm), ym, label_smoothing=SMOOTH)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        n += 1
        ema.follow(net, n)
    print(epoch, f"{loss.item():.3f}")

final = ema.shadow
right = 0
with torch.inference_mode():
    for xb, yb in DataLoader(te, batch_size=119):
        right += (final(xb).argmax(1) == yb).sum().item()
accuracy = right / len(te)
print("averaged weights:", accuracy)
