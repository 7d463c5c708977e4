"""The product of signs is found late: the loss stays at that of guessing for some epochs, and then falls."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
points = torch.randn(2400, 4).sign()
points = points + 0.2 * torch.randn(2400, 4)
labels = (points.sign().prod(1) > 0).long()
train = DataLoader(TensorDataset(points[:2000], labels[:2000]), batch_size=50, shuffle=True)
valid = DataLoader(TensorDataset(points[2000:], labels[2000:]), batch_size=200)

model = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()

for epoch in range(16):
    model.train()
    total = 0.0
    for x, y in train:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in valid:
            right += (model(x).argmax(dim=1) == y).sum().item()
    print(f"epoch {epoch}: loss {total / len(train.dataset):.3f}, accuracy {right / len(valid.dataset):.3f}")
