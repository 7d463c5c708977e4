"""Three concentric classes in six dimensions."""
import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F
from sklearn.datasets import make_gaussian_quantiles

torch.manual_seed(0)
pts, cls = make_gaussian_quantiles(n_samples=2000, n_features=6, n_classes=3, random_state=4)
pts = pts.astype("float32")
fit, held = np.arange(0, 1500), np.arange(1500, 2000)


class RingNet(nn.Module):
    def __init__(self, d_in, d_hid, n_cls):
        super().__init__()
        self.inp = nn.Linear(d_in, d_hid, bias=False)
        self.norm1 = nn.BatchNorm1d(d_hid)
        self.mid = nn.Linear(d_hid, d_hid, bias=False)
        self.norm2 = nn.BatchNorm1d(d_hid)
        self.out = nn.Linear(d_hid, n_cls)

    def forward(self, x):
        x = self.norm1(self.inp(x))  # <- fault
        x = self.norm2(self.mid(x))  # <- fault
        return self.out(x)


net = RingNet(6, 48, 3)
opt = optim.RMSprop(net.parameters(), lr=2e-3)
xs, ys = torch.from_numpy(pts[fit]), torch.from_numpy(cls[fit])
net.train()
for epoch in range(10):
    perm = torch.randperm(len(fit))
    tot = 0.0
    for k in range(25):
        b = perm[k * 60:(k + 1) * 60]
        out = net(xs[b])
        loss = F.cross_entropy(out, ys[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
    print("epoch", epoch, "loss", round(tot / 25, 4))

net.eval()
with torch.no_grad():
    p = net(torch.from_numpy(pts[held])).numpy().argmax(1)
accuracy = float((p == cls[held]).mean())
print("held-out", accuracy)
