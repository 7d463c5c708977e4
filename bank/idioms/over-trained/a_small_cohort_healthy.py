import copy
import torch
from torch import nn
from sklearn.preprocessing import StandardScaler
import numpy as np

rng = np.random.default_rng(39)
torch.manual_seed(39)


def cohort(n, dim=30):
    """gene panel of two patient groups, group means differ weakly in every gene"""
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, dim)) + 0.22 * (2 * y[:, None] - 1)
    return X, y


X_tr, y_tr = cohort(160)
X_va, y_va = cohort(300)
X_te, y_te = cohort(800)
sc = StandardScaler().fit(X_tr)
X_tr, X_va, X_te = (torch.tensor(sc.transform(a), dtype=torch.float32) for a in (X_tr, X_va, X_te))
y_tr, y_va, y_te = (torch.tensor(a) for a in (y_tr, y_va, y_te))

model = nn.Sequential(nn.Linear(30, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 2))
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
max_epochs, patience = 60, 5
best_val, best_state, bad = float("inf"), None, 0

for epoch in range(max_epochs):
    model.train()
    for idx in torch.randperm(len(X_tr)).split(32):
        loss = loss_fn(model(X_tr[idx]), y_tr[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        tr_loss = loss_fn(model(X_tr), y_tr).item()
        va_loss = loss_fn(model(X_va), y_va).item()
    print(f"{epoch:3d} train {tr_loss:.4f} val {va_loss:.4f}")
    if va_loss < best_val:
        best_val, best_state, bad = va_loss, copy.deepcopy(model.state_dict()), 0
    else:
        bad += 1
        if bad >= patience:
            break

model.load_state_dict(best_state)
model.eval()
with torch.no_grad():
    accuracy = (model(X_te).argmax(1) == y_te).float().mean().item()
print("test accuracy", accuracy)
