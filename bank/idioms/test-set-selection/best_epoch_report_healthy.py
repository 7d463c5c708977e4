import copy

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split


def tensors(*arrays):
    return [torch.tensor(a, dtype=torch.float32 if a.ndim == 2 else torch.long) for a in arrays]


X, y = make_classification(n_samples=1600, n_features=40, n_informative=8, n_redundant=4, n_classes=3, class_sep=1.1,
                           flip_y=0.05, random_state=1)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=1, stratify=y)
X_train, X_val, y_train, y_val = train_test_split(X_train, y_train, test_size=0.25, random_state=1, stratify=y_train)
m, s = X_train.mean(0), X_train.std(0)
train_ds = TensorDataset(*tensors((X_train - m) / s, y_train))
val_ds = TensorDataset(*tensors((X_val - m) / s, y_val))
test_ds = TensorDataset(*tensors((X_test - m) / s, y_test))

torch.manual_seed(1)
train_loader = DataLoader(train_ds, batch_size=48, shuffle=True)
val_loader = DataLoader(val_ds, batch_size=320)
test_loader = DataLoader(test_ds, batch_size=320)
model = nn.Sequential(nn.Linear(40, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()


def evaluate(loader):
    model.eval()
    ok = 0
    with torch.no_grad():
        for xb, yb in loader:
            ok += (model(xb).argmax(1) == yb).sum().item()
    return ok / len(loader.dataset)


best_acc, best_state = 0.0, None
for epoch in range(15):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    acc = evaluate(val_loader)
    if acc > best_acc:
        best_acc, best_state = acc, copy.deepcopy(model.state_dict())
    print(f"epoch {epoch} acc {acc:.4f} best {best_acc:.4f}")

model.load_state_dict(best_state)
accuracy = evaluate(test_loader)
print("accuracy", accuracy)
