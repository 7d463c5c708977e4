import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

RNG = np.random.default_rng(161)
torch.manual_seed(161)
GLYPHS = (RNG.random((8, 10, 10)) < 0.35)


class Stamps(Dataset):
    """Ten by ten byte pictures of eight glyphs, shifted, dimmed and noisy."""

    def __init__(self, n):
        self.kind = RNG.integers(0, 8, n)
        self.pics = np.zeros((n, 10, 10), np.uint8)
        for i, k in enumerate(self.kind):
            g = np.roll(GLYPHS[k], tuple(RNG.integers(-1, 2, 2)), (0, 1))
            p = 150 * RNG.uniform(0.5, 1.2) * g + 45 + 38 * RNG.normal(size=g.shape)
            self.pics[i] = np.clip(p, 0, 255)

    def __len__(self):
        return len(self.kind)

    def __getitem__(self, i):
        pic = torch.from_numpy(self.pics[i]).float()  # <- fault
        return pic.flatten(), torch.tensor(self.kind[i])


train_set, test_set = Stamps(1200), Stamps(400)
net = nn.Sequential(nn.Linear(100, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 8))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(7):
    net.train()
    total = 0.0
    for pic, kind in DataLoader(train_set, batch_size=40, shuffle=True):
        loss = loss_fn(net(pic), kind)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(kind)
    print(f"epoch {epoch}: {total / len(train_set):.4f}")

net.eval()
correct = 0
with torch.no_grad():
    for pic, kind in DataLoader(test_set, batch_size=200):
        correct += (net(pic).argmax(dim=1) == kind).sum().item()
accuracy = correct / len(test_set)
print("accuracy", accuracy)
