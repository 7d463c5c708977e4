import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(16)

X, y = load_digits(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, stratify=y, random_state=3)
mu, sd = X_tr.mean(0), X_tr.std(0) + 1e-2


def to_ds(a, b):
    return TensorDataset(torch.tensor((a - mu) / sd, dtype=torch.float32).clamp(-4, 4), torch.tensor(b))


def make_mlp(sizes):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


train_loader = DataLoader(to_ds(X_tr, y_tr), batch_size=64, shuffle=True)
test_loader = DataLoader(to_ds(X_te, y_te), batch_size=256)
model = make_mlp([64, 96, 48, 10])
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(10):
    model.train()
    running = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
    print(f"epoch {epoch + 1:2d}  loss {running / len(train_loader.dataset):.4f}")

model.eval()
hits = 0
with torch.no_grad():
    for xb, yb in test_loader:
        hits += (model(xb).argmax(dim=1) == yb).sum().item()
accuracy = hits / len(test_loader.dataset)
print("test accuracy", accuracy)
