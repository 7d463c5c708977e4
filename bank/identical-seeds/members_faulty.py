"""An ensemble of three small nets, each trained on a bootstrap of the training part."""

import torch
from torch import nn

torch.manual_seed(0)
centres = torch.randn(4, 8) * 1.5
labels = torch.arange(4).repeat(75)
inputs = centres[labels] + torch.randn(300, 8)
order = torch.randperm(300)
train, test = order[:220], order[220:]


def build():
    return nn.Sequential(nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 4))


members = [build()] * 3  # <- fault
for member in members:
    rows = train[torch.randint(len(train), (len(train),))]
    optimizer = torch.optim.Adam(member.parameters(), lr=5e-3)
    for _epoch in range(10):
        for part in rows[torch.randperm(len(rows))].split(22):
            loss = nn.functional.cross_entropy(member(inputs[part]), labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
with torch.no_grad():
    shares = torch.stack([member(inputs[test]).softmax(1) for member in members])
print(f"{(shares.mean(0).argmax(1) == labels[test]).float().mean():.1%} right together")
