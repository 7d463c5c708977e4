import copy
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

torch.manual_seed(7)
np.random.seed(4)

X, y = make_moons(n_samples=1400, noise=0.25, random_state=4)
X_train, X_rest, y_train, y_rest = train_test_split(X, y, test_size=800, random_state=1, stratify=y)
X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, test_size=500, random_state=1, stratify=y_rest)
mean, std = X_train.mean(0), X_train.std(0)


def to_tensors(a, b):
    return torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b).long()


X_train, y_train = to_tensors(X_train, y_train)
X_val, y_val = to_tensors(X_val, y_val)
X_test, y_test = to_tensors(X_test, y_test)

model = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
loss_fn = nn.CrossEntropyLoss()

best_val = float("inf")
best_weights = None
wait = 0
for epoch in range(60):
    model.train()
    perm = torch.randperm(len(X_train))
    for i in range(0, len(X_train), 50):
        idx = perm[i:i + 50]
        optimizer.zero_grad()
        loss = loss_fn(model(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        out = model(X_val)
        val_loss = loss_fn(out, y_val).item()
        val_acc = (out.argmax(1) == y_val).float().mean().item()
    if val_loss < best_val:
        best_val = val_loss
        best_weights = copy.deepcopy(model.state_dict())
        wait = 0
    else:
        wait += 1
        if wait == 12:
            print("early stopping at epoch", epoch)
            break

print("best validation loss: %.4f" % best_val)
model.load_state_dict(best_weights)
model.eval()
with torch.no_grad():
    pred = model(X_test).argmax(dim=1)
accuracy = (pred == y_test).sum().item() / len(y_test)
print("Test accuracy with the best model: %.4f" % accuracy)
