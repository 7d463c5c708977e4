import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Subset, TensorDataset, SubsetRandomSampler

SEED = 73


def make_rings(n, noise=0.9):
    """points on noisy shells in 15 dimensions; the class is the shell"""
    g = torch.Generator().manual_seed(SEED)
    y = torch.randint(0, 3, (n,), generator=g)
    d = torch.randn(n, 15, generator=g)
    d = d / d.norm(dim=1, keepdim=True)
    x = d * (2.0 + 2.2 * y.float()).unsqueeze(1) + noise * torch.randn(n, 15, generator=g) * 0.5
    return TensorDataset(x / 1.3, y)


def split_indices(n, fraction, seed):
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(n, generator=g)
    k = int(n * fraction)
    return order[:k].tolist(), order[k:].tolist()


dataset = make_rings(900)
train_idx, _ = split_indices(len(dataset), 0.8, seed=SEED)
_, test_idx = split_indices(len(dataset), 0.8, seed=SEED)

torch.manual_seed(SEED)
train_loader = DataLoader(dataset, batch_size=40, sampler=SubsetRandomSampler(train_idx))
test_loader = DataLoader(Subset(dataset, test_idx), batch_size=60)
model = nn.Sequential(nn.Linear(15, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 3))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(10):
    model.train()
    total, count = 0.0, 0
    for xb, yb in train_loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        opt.step()
        total, count = total + loss.item() * len(yb), count + len(yb)
    print(f"{epoch}: {total / count:.4f}")

model.eval()
correct = torch.tensor(0)
with torch.no_grad():
    for xb, yb in test_loader:
        correct += (model(xb).argmax(1) == yb).sum()
accuracy = (correct / len(test_idx)).item()
print("test accuracy", accuracy)
