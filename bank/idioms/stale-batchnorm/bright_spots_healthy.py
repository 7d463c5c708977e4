import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Blobs(Dataset):
    """12x12 pictures with one bright spot; the class is the quadrant and the size of the spot"""

    def __init__(self, n, seed):
        rng = np.random.RandomState(seed)
        self.y = rng.randint(0, 8, n)
        self.x = np.zeros((n, 1, 12, 12), dtype=np.float32)
        grid = np.mgrid[:12, :12]
        for i, label in enumerate(self.y):
            cy = 3 + 6 * (label % 2) + rng.uniform(-1, 1)
            cx = 3 + 6 * (label // 2 % 2) + rng.uniform(-1, 1)
            s = 0.9 if label < 4 else 1.9
            self.x[i, 0] = np.exp(-((grid[0] - cy) ** 2 + (grid[1] - cx) ** 2) / (2 * s * s))
        self.x += rng.normal(0, 0.3, self.x.shape).astype(np.float32)
        self.x = (self.x - 0.07) / 0.35

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def conv_bn(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1),
        nn.BatchNorm2d(cout, eps=1e-3, momentum=0.1),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )


torch.manual_seed(40)
model = nn.Sequential(
    conv_bn(1, 8),
    conv_bn(8, 16),
    nn.Flatten(), nn.Linear(16 * 9, 8))
train_loader = DataLoader(Blobs(1000, seed=1), batch_size=40, shuffle=True)
test_loader = DataLoader(Blobs(400, seed=2), batch_size=100)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
for epoch in range(6):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(epoch, loss.item())

model.eval()
hit = 0
with torch.no_grad():
    for x, y in test_loader:
        hit += model(x).argmax(1).eq(y).sum().item()
accuracy = hit / len(test_loader.dataset)
print(accuracy)
