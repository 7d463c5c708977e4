import torch
from torch import nn


class Loop:
    """One loop for both phases: `phase` is "fit" or "score"."""

    def __init__(self, net, lr):
        self.net = net
        self.opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)

    def __call__(self, batches, phase):
        fit = phase == "fit"
        self.net.train()  # <- fault
        hits = seen = 0
        with torch.set_grad_enabled(fit):
            for xb, yb in batches:
                out = self.net(xb)  # <- fault
                if fit:
                    self.opt.zero_grad()
                    nn.functional.cross_entropy(out, yb).backward()
                    self.opt.step()
                hits += (out.argmax(1) == yb).sum().item()
                seen += len(yb)
        return hits / seen


def spots(n, g):
    """12x12 pictures with 1 to 4 bright spots; the task is to count them."""
    img = 0.15 * torch.randn(n, 1, 12, 12, generator=g)
    count = torch.randint(1, 5, (n,), generator=g)
    for i in range(n):
        cells = torch.randperm(9, generator=g)[:count[i]]
        for c in cells.tolist():
            r, q = 4 * (c // 3), 4 * (c % 3)
            img[i, 0, r + 1:r + 3, q + 1:q + 3] += 1.0
    return img, count - 1


g = torch.Generator().manual_seed(15)
torch.manual_seed(15)
x, y = spots(1000, g)
xt, yt = spots(300, g)
by_count = yt.argsort()
xt, yt = xt[by_count], yt[by_count]
net = nn.Sequential(
    nn.Conv2d(1, 8, 4, stride=4, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Flatten(), nn.Linear(72, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 4))
loop = Loop(net, lr=0.05)
for epoch in range(8):
    p = torch.randperm(len(x), generator=g)
    loop([(x[i], y[i]) for i in p.split(50)], "fit")
accuracy = loop(list(zip(xt.split(25), yt.split(25))), "score")
print("counted correctly:", accuracy)
