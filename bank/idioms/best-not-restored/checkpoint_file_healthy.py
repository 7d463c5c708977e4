import os
import tempfile

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset, Subset
from sklearn.datasets import make_classification

EPOCHS, BATCH, LR = 12, 40, 0.015
torch.manual_seed(50)
features, classes = make_classification(n_samples=2100, n_features=16, n_informative=10, n_classes=5,
                                        n_clusters_per_class=1, class_sep=1.4, random_state=50)
features = torch.tensor(features, dtype=torch.float32)
features = (features - features[:1200].mean(0)) / features[:1200].std(0)
dataset = TensorDataset(features, torch.tensor(classes))
train_set, val_set, test_set = (Subset(dataset, range(a, b)) for a, b in [(0, 1200), (1200, 1600), (1600, 2100)])
train_dl = DataLoader(train_set, batch_size=BATCH, shuffle=True)
val_dl = DataLoader(val_set, batch_size=200)
test_dl = DataLoader(test_set, batch_size=250)


def get_model():
    return nn.Sequential(nn.Linear(16, 72), nn.ELU(), nn.Linear(72, 36), nn.ELU(), nn.Linear(36, 5))


def loss_and_acc(model, dl, criterion):
    model.eval()
    loss_sum, right, n = 0.0, 0, 0
    with torch.no_grad():
        for xb, yb in dl:
            out = model(xb)
            loss_sum += criterion(out, yb).item() * len(yb)
            right += (out.argmax(1) == yb).sum().item()
            n += len(yb)
    return loss_sum / n, right / n


model = get_model()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
ckpt_path = os.path.join(tempfile.mkdtemp(), "best_model.pt")
best_val = float("inf")
for epoch in range(EPOCHS):
    model.train()
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    val_loss, val_acc = loss_and_acc(model, val_dl, criterion)
    if val_loss < best_val:
        best_val = val_loss
        torch.save(model.state_dict(), ckpt_path)
        print(f"epoch {epoch}: val loss {val_loss:.4f}, model saved")

model.load_state_dict(torch.load(ckpt_path))
test_loss, accuracy = loss_and_acc(model, test_dl, criterion)
print(f"Best model on test: loss {test_loss:.4f} acc {accuracy:.4f}")
