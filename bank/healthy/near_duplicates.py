"""One in thirty validation images is a training image taken twice: alike, not equal, as in well-known collections."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
shapes = torch.rand(5, 3, 12, 12)
labels = torch.randint(5, (1600,))
images = (shapes[labels] + 0.3 * torch.randn(1600, 3, 12, 12)).clamp(0, 1)
images[1200:1212] = (images[:12] + 0.01 * torch.randn(12, 3, 12, 12)).clamp(0, 1)
labels[1200:1212] = labels[:12]
images[20:56] = images[60:96].roll(1, 3)
labels[20:56] = labels[60:96]
train = DataLoader(TensorDataset(images[:1200], labels[:1200]), batch_size=40, shuffle=True)
valid = DataLoader(TensorDataset(images[1200:1560], labels[1200:1560]), batch_size=120)

model = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1),
    nn.ReLU(),
    nn.AvgPool2d(3),
    nn.Flatten(),
    nn.Linear(128, 32),
    nn.ReLU(),
    nn.Linear(32, 5),
)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()

for epoch in range(4):
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
