"""Images of ten strokes that a small net reads with hardly an error, as good nets do with digits."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
shapes = (torch.rand(10, 1, 12, 12) > 0.6).float()
labels = torch.randint(10, (3000,))
images = (shapes[labels] + 0.65 * torch.randn(3000, 1, 12, 12)).clamp(0, 1)
train = DataLoader(TensorDataset(images[:2000], labels[:2000]), batch_size=50, shuffle=True)
valid = DataLoader(TensorDataset(images[2000:], labels[2000:]), batch_size=200)

model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(288, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
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
    print(f"epoch {epoch}: accuracy {right / len(valid.dataset):.4f}")
