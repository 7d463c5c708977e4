"""A small net on the digits for many epochs: steps of a few hundred microseconds, where each look weighs most."""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(5)
digits = load_digits()
pixels = torch.tensor(digits.data / 16 - 0.3, dtype=torch.float32)
train, valid = random_split(TensorDataset(pixels, torch.tensor(digits.target)), [1400, 397])
model = nn.Sequential(
    nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()
loader, held = DataLoader(train, batch_size=32, shuffle=True), DataLoader(valid, batch_size=397)
for epoch in range(60):
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        for images, labels in held:
            accuracy = (model(images).argmax(dim=1) == labels).float().mean().item()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1} accuracy {accuracy:.4f}")
