import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(29)
n_classes, per_class, dim = 6, 220, 12
centers = torch.randn(n_classes, 2, dim) * 1.3


def sample_class(c, n):
    which = torch.randint(0, 2, (n,))
    return centers[c, which] + torch.randn(n, dim)


train_parts, test_parts = [], []
for c in range(n_classes):
    pts = sample_class(c, per_class + 80)
    train_parts.append((pts[:per_class], torch.full((per_class,), c)))
    test_parts.append((pts[per_class:], torch.full((80,), c)))
x_train, y_train = (torch.cat(t) for t in zip(*train_parts))
x_test, y_test = (torch.cat(t) for t in zip(*test_parts))
mu, sd = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mu) / sd, (x_test - mu) / sd

train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=44, shuffle=True)
test_loader = DataLoader(TensorDataset(x_test, y_test), batch_size=96)

model = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, n_classes))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(10):
    model.train()
    epoch_loss = 0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    print(f"Epoch {epoch + 1}, loss {epoch_loss / len(train_loader):.4f}")

model.eval()
n_ok = 0
with torch.no_grad():
    for xb, yb in test_loader:
        n_ok += (model(xb).argmax(dim=1) == yb).sum().item()
accuracy = n_ok / len(x_test)
print(f"Accuracy on held-out points: {accuracy:.3f}")
