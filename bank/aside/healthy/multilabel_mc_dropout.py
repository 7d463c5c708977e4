import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(321)
TAGS = ["left", "right", "up", "down", "loud"]


def sample(n):
    z = torch.randn(n, 12)
    w = torch.randn(12, len(TAGS), generator=torch.Generator().manual_seed(9))
    tags = ((z @ w + 0.3 * torch.randn(n, len(TAGS))) > 1.0).float()
    return z, tags


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(12, 12)
        self.wide = nn.Linear(12, 96)
        self.drop = nn.Dropout(0.3)
        self.tags = nn.Linear(96, len(TAGS))

    def forward(self, z):
        z = z + torch.tanh(self.shared(z))
        z = z + torch.tanh(self.shared(z))
        return torch.sigmoid(self.tags(self.drop(torch.relu(self.wide(z)))))


xtr, ytr = sample(1200)
xte, yte = sample(500)
net = Tagger()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
criterion = nn.BCELoss()
for epoch in range(10):
    net.train()
    for xb, yb in DataLoader(TensorDataset(xtr, ytr), batch_size=60, shuffle=True):
        opt.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        opt.step()

# Monte-Carlo estimate: dropout stays on, thirty passes are averaged
net.eval()
net.drop.train()
with torch.no_grad():
    passes = torch.stack([net(xte) for _ in range(30)])
probability, doubt = passes.mean(0), passes.std(0)
accuracy = ((probability > 0.5).float() == yte).float().mean().item()
print("mean tag accuracy", accuracy, "mean doubt", doubt.mean().item())
