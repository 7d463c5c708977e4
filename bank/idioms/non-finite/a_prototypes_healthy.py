import torch
from torch import nn
from sklearn.datasets import make_blobs

torch.manual_seed(1)

X, y = make_blobs(n_samples=1300, centers=6, n_features=5, cluster_std=2.2, random_state=71)
X = torch.tensor((X - X[:1000].mean(0)) / X[:1000].std(0), dtype=torch.float32)
y = torch.tensor(y)
train_x, train_y, test_x, test_y = X[:1000], y[:1000], X[1000:], y[1000:]


class PrototypeNet(nn.Module):
    """classifies by the euclidean distance to one learned prototype per class"""

    def __init__(self, x, y, n_classes):
        super().__init__()
        self.warp = nn.Linear(5, 5)
        nn.init.eye_(self.warp.weight)
        nn.init.zeros_(self.warp.bias)
        first = torch.stack([x[y == c][0] for c in range(n_classes)])
        self.prototypes = nn.Parameter(first.clone())
        self.scale = nn.Parameter(torch.tensor(3.0))

    def forward(self, x):
        diff = self.warp(x).unsqueeze(1) - self.prototypes.unsqueeze(0)
        dist = torch.sqrt(diff.pow(2).sum(dim=2) + 1e-6)
        return -self.scale * dist


def epoch_batches(n, size):
    perm = torch.randperm(n)
    for i in range(0, n, size):
        yield perm[i:i + size]


net = PrototypeNet(train_x, train_y, 6)
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    net.train()
    total = 0.0
    for idx in epoch_batches(len(train_x), 50):
        loss = criterion(net(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print(f"{epoch:2d} {total / len(train_x):.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(test_x).argmax(1) == test_y).float().mean().item()
print("accuracy", accuracy)
