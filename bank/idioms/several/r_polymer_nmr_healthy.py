"""1-D spectra -> polymer family.  `schedule` and `model` come from two different lab mates."""
import math
import torch
import torch.nn.functional as F

torch.manual_seed(66)
FAMILIES, POINTS, EPOCHS, BATCH = 8, 80, 8, 40
lines = torch.rand(FAMILIES, 5) * 0.9 + 0.05
heights = torch.rand(FAMILIES, 5) + 0.4


def spectra(n):
    fam = torch.randint(FAMILIES, (n,))
    axis = torch.linspace(0, 1, POINTS)
    where = lines[fam] + 0.008 * torch.randn(n, 5)
    peaks = heights[fam] * (1 + 0.3 * torch.randn(n, 5))
    s = (peaks[..., None] / (1 + ((axis - where[..., None]) / 0.02) ** 2)).sum(1)
    return s + 0.22 * torch.randn(n, POINTS), fam


xa, ya = spectra(1000)
xb, yb = spectra(400)
c, d = xa.mean(0), xa.std(0)
xa, xb = (xa - c) / d, (xb - c) / d


class Lorentz(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = torch.nn.Conv1d(1, 10, 9, stride=2, padding=4)
        self.dense = torch.nn.Linear(400, 64)
        self.final = torch.nn.Linear(64, FAMILIES)

    def forward(self, s):
        h = F.hardswish(self.wide(s[:, None]))
        for layer in (self.dense, self.final):
            h = layer(h.flatten(1)) if layer is self.final else F.relu(layer(h.flatten(1)))
        return h


model = Lorentz()
opt = torch.optim.SGD(model.parameters(), lr=0.04, momentum=0.9)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=math.exp(-0.35))
for epoch in range(EPOCHS):
    losses = []
    for rows in torch.randperm(1000).reshape(-1, BATCH):
        loss = F.cross_entropy(model(xa[rows]), ya[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    print(f"{epoch} lr {sched.get_last_lr()[0]:.2e} loss {sum(losses) / len(losses):.4f}")

with torch.no_grad():
    accuracy = (model(xb).argmax(1) == yb).sum().item() / len(yb)
print("family accuracy", accuracy)
