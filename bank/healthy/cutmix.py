"""Rectangles of other images are pasted in, and the loss is shared by area."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
shapes = torch.randn(6, 3, 16, 16)
labels = torch.randint(6, (1500,))
images = shapes[labels] + 0.8 * torch.randn(1500, 3, 16, 16)
train = DataLoader(TensorDataset(images[:1200], labels[:1200]), batch_size=60, shuffle=True)
valid = DataLoader(TensorDataset(images[1200:], labels[1200:]), batch_size=100)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.last = nn.Linear(16 * 16, 6)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)))
        return self.last(F.avg_pool2d(x, 4).flatten(1))


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(4):
    model.train()
    seen = 0
    for x, y in train:
        side = int(16 * (1 - torch.rand(()).item()) ** 0.5)
        top, left = (int(torch.randint(17 - side, ())) for _ in range(2))
        other = torch.randperm(len(x))
        mixed = x.clone()
        mixed[:, :, top : top + side, left : left + side] = x[other, :, top : top + side, left : left + side]
        share = 1 - side * side / 256
        optimizer.zero_grad()
        out = model(mixed)
        loss = share * F.cross_entropy(out, y) + (1 - share) * F.cross_entropy(out, y[other])
        loss.backward()
        optimizer.step()
        seen += (out.argmax(1) == y).sum().item()
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item() for x, y in valid)
    print(f"epoch {epoch}: training {seen / len(train.dataset):.3f}, validation {right / len(valid.dataset):.3f}")
