import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

np.random.seed(7)
torch.manual_seed(7)
digits = load_digits()
idx = np.random.permutation(1797)
test_idx, train_idx = idx[:397], idx[397:]
X = torch.tensor(digits.data, dtype=torch.float32).div(16.0)
Y = torch.tensor(digits.target)
X_train, Y_train, X_test, Y_test = X[train_idx], Y[train_idx], X[test_idx], Y[test_idx]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 100)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(100, 10)

    def forward(self, x):
        return self.output(self.dropout(F.relu(self.hidden(x))))


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)


def loss_fn(out, y):
    return F.cross_entropy(out, y)


for epoch in range(14):
    model.train()
    perm = torch.randperm(len(X_train))
    X_train, Y_train = X_train[perm], Y_train[perm]
    for k in range(0, len(X_train), 56):
        loss = loss_fn(model(X_train[k:k + 56]), Y_train[k:k + 56])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())

model.eval()
with torch.no_grad():
    predictions = model(X_test).argmax(1)
accuracy = (predictions == Y_test).sum().item() / len(Y_test)
print("accuracy", accuracy)
