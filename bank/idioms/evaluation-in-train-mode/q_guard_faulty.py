from contextlib import contextmanager
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(99)
gen = np.random.default_rng(99)


def textures(n):
    kind = gen.integers(0, 4, n)
    angle = kind * np.pi / 4 + gen.normal(0, 0.13, n)
    yy, xx = np.mgrid[:14, :14]
    phase = gen.uniform(0, 2 * np.pi, n)[:, None, None]
    along = np.cos(angle)[:, None, None] * xx + np.sin(angle)[:, None, None] * yy
    img = np.sin(1.1 * along + phase) + gen.normal(0, 1.0, (n, 14, 14))
    return TensorDataset(torch.tensor(img[:, None], dtype=torch.float32), torch.tensor(kind))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 5)
        self.norm = nn.BatchNorm2d(12)
        self.drop = nn.Dropout(0.4)
        self.fc = nn.Linear(12 * 25, 4)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        x = nn.functional.max_pool2d(x, 2)
        return self.fc(self.drop(x.flatten(1)))


@contextmanager
def frozen(module):
    before = module.training
    module.train(before)  # <- fault
    try:
        with torch.no_grad():  # <- fault
            yield module
    finally:
        module.train(before)


def hit_rate(module, loader):
    hits, seen = 0, 0
    with frozen(module) as m:  # <- fault
        for img, kind in loader:
            hits += (m(img).argmax(1) == kind).sum().item()  # <- fault
            seen += len(kind)
    return hits / seen


train_dl = DataLoader(textures(700), batch_size=35, shuffle=True)
val_dl, test_dl = DataLoader(textures(160), batch_size=40), DataLoader(textures(400), batch_size=40)
net = Net()
sgd = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, nesterov=True)
for epoch in range(9):
    for img, kind in train_dl:
        sgd.zero_grad()
        nn.functional.cross_entropy(net(img), kind).backward()
        sgd.step()
    print(epoch, hit_rate(net, val_dl))
accuracy = hit_rate(net, test_dl)
print("test", accuracy)
