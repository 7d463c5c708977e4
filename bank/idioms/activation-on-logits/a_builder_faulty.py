import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

SEED = 5
np.random.seed(SEED)
torch.manual_seed(SEED)


def build_mlp(sizes, act=nn.ReLU):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        layers.append(act())  # <- fault
    return nn.Sequential(*layers)


digits = load_digits()
perm = np.random.permutation(len(digits.target))
n_test = 400
X = torch.as_tensor(digits.data[perm] / 16.0, dtype=torch.float32)
y = torch.as_tensor(digits.target[perm], dtype=torch.int64)
X_test, y_test = X[:n_test], y[:n_test]
X_train, y_train = X[n_test:], y[n_test:]

model = build_mlp([64, 64, 32, 10])
print(model)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()

history = []
for epoch in range(14):
    losses = []
    shuffled = torch.randperm(len(X_train))
    for idx in torch.split(shuffled, 64):
        optimizer.zero_grad()
        out = model(X_train[idx])
        loss = loss_fn(out, y_train[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    history.append(np.mean(losses))
    print("epoch", epoch, "loss %.4f" % history[-1])

with torch.no_grad():
    preds = model(X_test).argmax(dim=1).numpy()
accuracy = float(accuracy_score(y_test.numpy(), preds))
print("accuracy:", accuracy)
