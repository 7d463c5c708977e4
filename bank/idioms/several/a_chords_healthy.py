import argparse
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Chords(Dataset):
    """spectra with two of eight peaks; the class is the interval between them"""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.y = torch.randint(0, 4, (n,), generator=g)
        root = torch.randint(0, 10, (n,), generator=g)
        self.x = 0.3 * torch.randn(n, 1, 24, generator=g)
        rows = torch.arange(n)
        self.x[rows, 0, root] += 2.0
        self.x[rows, 0, root + 3 * (self.y + 1)] += 2.0

    def __len__(self):
        return len(self.y)

    def __getitem__(self, k):
        return self.x[k], self.y[k]


class ChordNet(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.act = act
        self.conv = nn.Conv1d(1, 12, 13, padding=6)
        self.fc1 = nn.Linear(12 * 24, 48)
        self.fc2 = nn.Linear(48, 4)

    def forward(self, x):
        x = self.act(self.conv(x)).flatten(1)
        x = self.act(self.fc1(x))
        return self.fc2(x)


ap = argparse.ArgumentParser()
ap.add_argument("--lr", type=float, default=0.05)
ap.add_argument("--decay", type=float, default=0.85)
ap.add_argument("--epochs", type=int, default=10)
args = ap.parse_args([])
torch.manual_seed(1)
train_loader = DataLoader(Chords(960, 0), batch_size=40, shuffle=True)
test_loader = DataLoader(Chords(400, 1), batch_size=200)
model = ChordNet(nn.ReLU())
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, args.decay)
for epoch in range(args.epochs):
    for x, y in train_loader:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(f"epoch {epoch} loss {loss.item():.4f} lr {scheduler.get_last_lr()[0]:.2e}")

with torch.no_grad():
    ok = sum((model(x).argmax(1) == y).sum().item() for x, y in test_loader)
accuracy = ok / 400
print("accuracy", accuracy)
