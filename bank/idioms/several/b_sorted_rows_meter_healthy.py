"""Three faced dice of Gaussian clouds; a home-made loader and a home-made metric."""
import math
import numpy as np
import torch
from torch import nn

torch.manual_seed(421)
rng = np.random.default_rng(421)
CLASSES, DIM = 5, 12
HEART = rng.normal(size=(CLASSES, DIM)) * 1.1


def clouds(per):
    x = np.concatenate([h + rng.normal(size=(per, DIM)) for h in HEART]).astype(np.float32)
    return torch.from_numpy(x), torch.arange(CLASSES).repeat_interleave(per)


class Loader:
    def __init__(self, x, y, size, mix):
        self.x, self.y, self.size, self.mix = x, y, size, mix

    def __len__(self):
        return math.ceil(len(self.x) / self.size)

    def __iter__(self):
        ids = torch.randperm(len(self.x)) if self.mix else torch.arange(len(self.x))
        for i in range(len(self)):
            take = ids[i * self.size:(i + 1) * self.size]
            yield self.x[take], self.y[take]


x_train, y_train = clouds(260)
x_test, y_test = clouds(75)
mu, sd = x_train.mean(0), x_train.std(0)
feed = Loader((x_train - mu) / sd, y_train, 40, mix=True)
check = Loader((x_test - mu) / sd, y_test, 100, mix=False)

net = nn.Sequential(nn.Linear(DIM, 40), nn.Hardswish(), nn.Linear(40, CLASSES))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
for epoch in range(7):
    net.train()
    for x, y in feed:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
    print(epoch, loss.item())

net.eval()
n = 0
with torch.no_grad():
    for x, y in check:
        n += int((net(x).argmax(1) == y).sum())
accuracy = n / len(check.x)
print("accuracy", accuracy)
