"""Convolutional classifier of generated shapes (square, disc, cross, ring)."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(51)
rs = np.random.RandomState(51)


def draw(kind, side=14):
    yy, xx = np.mgrid[:side, :side]
    cy, cx, r = rs.uniform(5, 9), rs.uniform(5, 9), rs.uniform(3, 4.5)
    dy, dx = np.abs(yy - cy), np.abs(xx - cx)
    dist = np.hypot(dy, dx)
    mask = [np.maximum(dy, dx) < r, dist < r, (np.minimum(dy, dx) < 1.1) & (np.maximum(dy, dx) < r),
            (dist < r) & (dist > r - 1.6)][kind]
    return mask * rs.uniform(0.7, 1.3) + 0.15 * rs.randn(side, side)


def split(n):
    k = rs.randint(0, 4, n)
    x = np.array([draw(j) for j in k], dtype=np.float32)[:, None]
    return TensorDataset(torch.from_numpy((x - 0.2) / 0.5), torch.from_numpy(k))


class ShapeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 12, 3, padding=1)
        self.conv3 = nn.Conv2d(12, 12, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(12 * 3 * 3, 4)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        x = torch.relu(self.conv3(x))
        return self.fc(x.flatten(start_dim=1))


train_set, test_set = split(1000), split(300)
model = ShapeNet()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(6):
    model.train()
    for images, kinds in DataLoader(train_set, batch_size=40, shuffle=True):
        loss = nn.functional.cross_entropy(model(images), kinds)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch} {loss.item():.4f}")

model.eval()
with torch.no_grad():
    hits = sum((model(a).argmax(1) == b).sum().item() for a, b in DataLoader(test_set, batch_size=150))
accuracy = hits / len(test_set)
print("accuracy", accuracy)
