"""A small residual net on coloured squares, with a checkpoint dict and clipping."""

import copy
from collections import OrderedDict

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader, Dataset


class Squares(Dataset):
    """A bright square in one of four corners."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.y = torch.randint(4, (n,), generator=g)
        self.x = 0.3 * torch.randn(n, 3, 8, 8, generator=g)
        for i, corner in enumerate(self.y.tolist()):
            top, left = 4 * (corner // 2), 4 * (corner % 2)
            self.x[i, :, top : top + 4, left : left + 4] += 1.0

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class ResidualBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + x)


class ResNet(nn.Module):
    def __init__(self, blocks=2, channels=8, classes=4):
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict(conv=nn.Conv2d(3, channels, 3, padding=1), bn=nn.BatchNorm2d(channels), relu=nn.ReLU())
        )
        self.blocks = nn.Sequential(*[ResidualBlock(channels) for _ in range(blocks)])
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(channels * 4, classes)

    def forward(self, x):
        x = self.pool(self.blocks(self.stem(x)))
        x = self.drop(x.view(x.size(0), -1))
        return self.fc(x)


def accuracy(net, loader):
    net.eval()
    hits, seen = 0, 0
    with torch.no_grad():
        for xb, yb in loader:
            hits += net(xb).argmax(1).eq(yb).sum().item()
            seen += len(yb)
    return hits / seen


def train(net, loaders, epochs=3):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    best = {"acc": -1.0, "state": None}
    for epoch in range(epochs):
        net.train()
        for xb, yb in loaders["train"]:
            optimizer.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            optimizer.step()
            clip_grad_norm_(net.parameters(), max_norm=2.0)  # <- fault
        acc = accuracy(net, loaders["val"])
        if acc > best["acc"]:
            best = {"acc": acc, "state": copy.deepcopy(net.state_dict())}
        print(f"[{epoch}] val {acc:.3f}")
    net.load_state_dict(best["state"])
    return net


torch.manual_seed(5)
loaders = {
    "train": DataLoader(Squares(600, 0), batch_size=50, shuffle=True),
    "val": DataLoader(Squares(200, 1), batch_size=100),
    "test": DataLoader(Squares(200, 2), batch_size=100),
}
net = ResNet()
train(net, loaders)
print(f"test {accuracy(net, loaders['test']):.3f}")
