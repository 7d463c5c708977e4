"""A split without overlap; in the end the net is asked about all data, for a picture of what it has learned."""

import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(0)
x = torch.randn(400, 2)
y = (x[:, 0] * x[:, 1] > 0).long()
order = torch.randperm(400)
train, test = order[:300], order[300:]
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(20):
    for rows in train[torch.randperm(300)].split(50):
        optimizer.zero_grad()
        functional.cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
with torch.no_grad():
    print("test accuracy", (model(x[test]).argmax(1) == y[test]).float().mean().item())
    shares = model(x).softmax(1)
    hidden = model[0](x)
print("surest", shares.amax(1).mean().item(), "hidden", hidden.abs().mean().item())
