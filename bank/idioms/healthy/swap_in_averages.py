import contextlib
import math
import torch
from torch import nn
from sklearn.datasets import load_digits


class Averages:
    def __init__(self, net, decay):
        self.net, self.decay, self.n = net, decay, 0
        self.mean = {k: v.detach().clone() for k, v in net.state_dict().items()}

    @torch.no_grad()
    def update(self):
        self.n += 1
        d = min(self.decay, (1 + self.n) / (10 + self.n))
        for k, v in self.net.state_dict().items():
            if v.is_floating_point():
                self.mean[k].lerp_(v, 1 - d)
            else:
                self.mean[k].copy_(v)

    @contextlib.contextmanager
    def applied(self):
        live = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.mean)
        self.net.eval()
        yield self.net
        self.net.load_state_dict(live)
        self.net.train()


torch.manual_seed(505)
d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(d.target)
p = torch.randperm(1797)
tr, va, te = p[:1200], p[1200:1450], p[1450:]
x = (x - x[tr].mean()) / x[tr].std()
net = nn.Sequential(nn.Conv2d(1, 10, 3, padding=1), nn.BatchNorm2d(10), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                    nn.Linear(160, 48), nn.ReLU(), nn.Dropout(0.5), nn.Linear(48, 10))
TOTAL, WARM = 200, 20
opt = torch.optim.SGD(net.parameters(), lr=0.4, momentum=0.5)
plan = torch.optim.lr_scheduler.LambdaLR(
    opt, lambda t: (t + 1) / WARM if t < WARM else 0.5 * (1 + math.cos(math.pi * (t - WARM) / (TOTAL - WARM))))
avg = Averages(net, 0.97)
net.train()
for t in range(TOTAL):
    rows = tr[torch.randint(0, len(tr), (64,))]
    loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    opt.step()
    plan.step()
    avg.update()
    if t % 40 == 39:
        with avg.applied() as smooth, torch.no_grad():
            print(t + 1, "validation", (smooth(x[va]).argmax(1) == y[va]).float().mean().item())
with avg.applied() as smooth, torch.no_grad():
    accuracy = (smooth(x[te]).argmax(1) == y[te]).float().mean().item()
print("test", accuracy)
