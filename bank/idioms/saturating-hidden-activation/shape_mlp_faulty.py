import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split


def draw(kind, rng, size=12):
    img = rng.normal(0.0, 0.15, (size, size))
    r, c = rng.integers(3, size - 3, 2)
    if kind == 0:
        img[r, :] += 1
    elif kind == 1:
        img[:, c] += 1
    elif kind == 2:
        img[r - 2:r + 3, c - 2:c + 3] += 1
    elif kind == 3:
        img[r, :] += 1
        img[:, c] += 1
    else:
        k = rng.integers(-3, 4)
        img += np.eye(size, k=k)
    return img


class ShapeDataset(Dataset):
    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.labels = rng.integers(0, 5, n)
        self.images = np.stack([draw(k, rng) for k in self.labels]).astype(np.float32)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return torch.from_numpy(self.images[i]) * 2 - 0.5, int(self.labels[i])


torch.manual_seed(0)
full = ShapeDataset(1800, seed=10)
train_set, test_set = random_split(full, [1440, 360], generator=torch.Generator().manual_seed(1))
train_loader = DataLoader(train_set, batch_size=48, shuffle=True)
test_loader = DataLoader(test_set, batch_size=180)

net = nn.Sequential(
    nn.Flatten(),
    nn.Linear(144, 96),
    nn.Softmax(dim=1),  # <- fault
    nn.Linear(96, 48),
    nn.Softmax(dim=1),  # <- fault
    nn.Linear(48, 5),
)
ce = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(8):
    net.train()
    for imgs, labels in train_loader:
        opt.zero_grad()
        loss = ce(net(imgs), labels)
        loss.backward()
        opt.step()
    print(epoch, loss.item())

net.eval()
correct = total = 0
with torch.no_grad():
    for imgs, labels in test_loader:
        correct += (net(imgs).argmax(1) == labels).sum().item()
        total += labels.size(0)
accuracy = correct / total
print("accuracy", accuracy)
