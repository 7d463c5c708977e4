"""Patience on a validation accuracy; the weights that were best go to a file, and come back for the test."""

import tempfile
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(7)
centres = torch.randn(6, 12)
labels = torch.randint(0, 6, (1500,))
inputs = centres[labels] + torch.randn(1500, 12)
parts = {"train": slice(0, 900), "valid": slice(900, 1200), "test": slice(1200, 1500)}
net = nn.Sequential(nn.Linear(12, 48), nn.Tanh(), nn.Linear(48, 6))
optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
criterion = nn.CrossEntropyLoss()


def score(part):
    net.eval()
    with torch.inference_mode():
        right = net(inputs[parts[part]]).argmax(1) == labels[parts[part]]
    net.train()
    return right.float().mean().item()


with tempfile.TemporaryDirectory() as folder:
    kept = Path(folder) / "best.pt"
    best, waited = 1e9, 0
    for epoch in range(12):
        for rows in torch.randperm(900).split(60):
            optimizer.zero_grad()
            criterion(net(inputs[rows]), labels[rows]).backward()
            optimizer.step()
        now = score("valid")
        improved = now < best  # <- fault
        if improved:
            best, waited = now, 0
            torch.save({"net": net.state_dict(), "epoch": epoch}, kept)
        else:
            waited += 1
        print(f"{epoch}: valid {now:.3f}")
        if waited == 4:
            break
    net.load_state_dict(torch.load(kept)["net"])
print(f"test {score('test'):.3f}")
