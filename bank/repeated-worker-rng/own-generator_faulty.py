"""Points that are jittered in training, from a dataset of one's own."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

torch.manual_seed(4)
POINTS = torch.randn(1000, 10)
LABELS = (POINTS @ torch.randn(10, 4)).argmax(1)


class Points(Dataset):
    def __init__(self, augment):
        self.augment = augment
        self.generator = torch.Generator().manual_seed(1)  # <- fault

    def __len__(self):
        return len(POINTS)

    def __getitem__(self, i):
        x = POINTS[i]
        if self.augment:
            x = x + 0.1 * torch.randn(10, generator=self.generator)
        return x, LABELS[i].item()


whole = Points(True)
train = DataLoader(Subset(whole, range(800)), batch_size=50, shuffle=True, num_workers=2)
valid = DataLoader(Subset(Points(False), range(800, 1000)), batch_size=100)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    model.train()
    for x, y in train:  # <- fault
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in valid:
            right += (model(x).argmax(1) == y).sum().item()
    print(epoch, right / 200)
