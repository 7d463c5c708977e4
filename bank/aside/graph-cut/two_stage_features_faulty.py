import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(12)
rng = np.random.default_rng(12)


def textures(n):
    """Stripes at four orientations in heavy noise."""
    yy, xx = np.mgrid[0:14, 0:14]
    angle = np.array([0, np.pi / 4, np.pi / 2, 3 * np.pi / 4])
    cls = rng.integers(0, 4, n)
    phase = rng.uniform(0, 2 * np.pi, n)
    wave = np.cos(angle[cls])[:, None, None] * xx + np.sin(angle[cls])[:, None, None] * yy
    img = np.sin(1.6 * wave + phase[:, None, None]) + rng.normal(0, 1.1, (n, 14, 14))
    return torch.tensor(img[:, None], dtype=torch.float32), torch.tensor(cls)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 12, 3)

    def forward(self, x):
        x = F.relu(self.conv(x))
        return F.relu(self.conv2(x)).mean((2, 3))


class Full(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 4))

    def forward(self, x):
        z = self.encoder(x).data  # <- fault
        return self.head(z)


xtr, ytr = textures(800)
xte, yte = textures(400)
model = Full()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
model.train()
for epoch in range(8):
    for start in range(0, 800, 40):
        if start == 0:
            order = torch.randperm(800)
        j = order[start:start + 40]
        opt.zero_grad()
        F.cross_entropy(model(xtr[j]), ytr[j]).backward()
        opt.step()
model.eval()
with torch.no_grad():
    accuracy = (model(xte).argmax(1) == yte).double().mean().item()
print("accuracy", accuracy)
