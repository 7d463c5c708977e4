"""An autoencoder whose decoder uses the encoder's weights, and a classifier on its code."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(5)
points = torch.randn(800, 12)
labels = (points[:, 0] * points[:, 1] > 0).long()


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.code = nn.Linear(12, 32)
        self.back = nn.Parameter(torch.zeros(12))
        self.shared = nn.Linear(32, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, x):
        h = F.silu(self.code(x))
        again = h @ self.code.weight + self.back
        for _ in range(2):
            h = h + F.silu(self.shared(h))
        return self.head(h), again


model = Tied()
optimizer = torch.optim.Adam(model.parameters(), 3e-3)
for epoch in range(6):
    for rows in torch.randperm(600).split(50):
        logits, again = model(points[rows])
        loss = F.cross_entropy(logits, labels[rows]) + 0.1 * F.mse_loss(again, points[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    print("accuracy", (model(points[600:])[0].argmax(1) == labels[600:]).float().mean())
