import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def get_loaders(bs=64, seed=2):
    X, y = load_digits(return_X_y=True)
    X = torch.tensor((X - 4.88) / 6.02, dtype=torch.float32)
    y = torch.tensor(y)
    a, b, ya, yb = train_test_split(X, y, test_size=0.2, random_state=seed)
    g = torch.Generator().manual_seed(seed)
    return (DataLoader(TensorDataset(a, ya), batch_size=bs, shuffle=True, drop_last=True, generator=g),
            DataLoader(TensorDataset(b, yb), batch_size=bs))


def infinite(loader):
    batch = next(iter(loader))  # <- fault
    while True:
        yield batch  # <- fault


def accuracy_of(model, loader):
    model.eval()
    ok, n = 0, 0
    with torch.no_grad():
        for xb, yb in loader:
            ok += (model(xb).argmax(1) == yb).sum().item()
            n += yb.numel()
    model.train()
    return ok / n


torch.manual_seed(2)
train_loader, test_loader = get_loaders()
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
stream = infinite(train_loader)
max_iters, log_every = 320, 80
for it in range(max_iters):
    xb, yb = next(stream)  # <- fault
    loss = nn.functional.cross_entropy(model(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % log_every == 0:
        print(f"iter {it}: loss {loss.item():.4f}")

accuracy = accuracy_of(model, test_loader)
print("test accuracy", accuracy)
