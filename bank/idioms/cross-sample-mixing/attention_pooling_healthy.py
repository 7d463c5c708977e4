import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Bags(Dataset):
    """Sets of 12 vectors; a few of them carry the class prototype, the others are clutter."""

    def __init__(self, n, seed, dim=10, k=4, size=12):
        proto = np.random.default_rng(99).normal(size=(k, dim)) * 0.75
        r = np.random.default_rng(seed)
        self.y = r.integers(0, k, n)
        self.x = r.normal(size=(n, size, dim)).astype(np.float32)
        for i, c in enumerate(self.y):
            m = r.choice(size, 3, replace=False)
            self.x[i, m] += proto[c]

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return torch.from_numpy(self.x[i]), int(self.y[i])


class PoolingNet(nn.Module):
    def __init__(self, dim=10, hid=32, k=4):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(dim, hid), nn.ReLU(), nn.Linear(hid, hid), nn.ReLU())
        self.score = nn.Sequential(nn.Linear(hid, 16), nn.Tanh(), nn.Linear(16, 1))
        self.rho = nn.Linear(hid, k)

    def forward(self, bag):
        h = self.phi(bag)
        w = F.softmax(self.score(h), dim=1)
        return self.rho((w * h).sum(dim=1))


torch.manual_seed(4)
fit_loader = DataLoader(Bags(1400, 1), batch_size=32, shuffle=True)
eval_set = Bags(400, 2)
model = PoolingNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(6):
    model.train()
    total, count = 0.0, 0
    for bag, lab in fit_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(bag), lab)
        loss.backward()
        optimizer.step()
        total, count = total + loss.item() * len(lab), count + len(lab)
    print(f"epoch {epoch} loss {total / count:.4f}")

model.eval()
right = 0
with torch.no_grad():
    for bag, lab in DataLoader(eval_set, batch_size=25):
        right += model(bag).argmax(1).eq(lab).sum().item()
accuracy = right / len(eval_set)
print("accuracy", accuracy)
