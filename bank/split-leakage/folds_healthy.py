"""Cross-validation with a new model and a new optimizer for each fold."""

import torch
from torch import nn

torch.manual_seed(0)
centres = torch.randn(4, 8) * 1.5
labels = torch.arange(4).repeat(75)
inputs = centres[labels] + torch.randn(300, 8)
order = torch.randperm(300)
scores = []
for fold in range(5):
    held = order[fold * 60 : (fold + 1) * 60]
    rest = order[~torch.isin(order, held)]
    model = nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _epoch in range(12):
        for rows in rest[torch.randperm(len(rest))].split(24):
            loss = nn.functional.cross_entropy(model(inputs[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        scores.append((model(inputs[held]).argmax(1) == labels[held]).float().mean().item())
print(f"{sum(scores) / 5:.3f}, from {min(scores):.3f} to {max(scores):.3f}")
