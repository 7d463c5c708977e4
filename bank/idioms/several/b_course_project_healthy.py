import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class PixelData(Dataset):
    """digits as 8-bit pictures"""

    def __init__(self, pixels, targets):
        self.pixels = pixels
        self.targets = targets

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        x = torch.tensor(self.pixels[i], dtype=torch.float32) / 255 * 2 - 1
        return x, torch.tensor(self.targets[i])


def check(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
    return hits / len(loader.dataset)


torch.manual_seed(19)
bunch = load_digits()
pixels = (bunch.data * 255 / 16).round().astype(np.uint8)
a, b, ya, yb = train_test_split(pixels, bunch.target, test_size=0.25, random_state=19)
train_loader = DataLoader(PixelData(a, ya), batch_size=50, shuffle=True)
test_loader = DataLoader(PixelData(b, yb), batch_size=75)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10))
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(9):
    model.train()
    for x, y in train_loader:
        opt.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
    print(epoch, loss.item())
accuracy = check(model, test_loader)
print("accuracy", accuracy)
