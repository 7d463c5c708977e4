"""A wide net that has converged and does not need half of its units: they gave up, and it is none the worse for it."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
points = torch.rand(1600, 16)
labels = ((points - 0.5) @ torch.randn(16, 4)).argmax(1)
train = DataLoader(TensorDataset(points[:1200], labels[:1200]), batch_size=40, shuffle=True)
valid = DataLoader(TensorDataset(points[1200:], labels[1200:]), batch_size=200)

model = nn.Sequential(nn.Linear(16, 512), nn.ReLU(), nn.Linear(512, 4))
with torch.no_grad():
    model[0].bias[:256] -= 3  # what a long training leaves behind
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(8):
    model.train()
    for x, y in train:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in valid:
            right += (model(x).argmax(dim=1) == y).sum().item()
    print(f"epoch {epoch}: accuracy {right / len(valid.dataset):.3f}")
