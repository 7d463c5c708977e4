import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_gaussian_quantiles
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.utils import resample

SEED = 100
np.random.seed(SEED)
torch.manual_seed(SEED)
X, y = make_gaussian_quantiles(n_samples=1300, n_features=4, n_classes=4, random_state=SEED)
X = X.astype(np.float32)
drop = (y == 3) & (np.random.rand(len(y)) < 0.7)
X, y = X[~drop], y[~drop]


def oversample(X, y):
    """bring every class to the size of the largest"""
    top = np.bincount(y).max()
    ids = np.concatenate([resample(np.flatnonzero(y == c), n_samples=top, random_state=SEED) for c in np.unique(y)])
    return X[ids], y[ids]


X_train, X_hold, y_train, y_hold = train_test_split(X, y, test_size=0.25, random_state=SEED, stratify=y)
X_train, y_train = oversample(X_train, y_train)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(4, 96)
        self.l2 = nn.Linear(96, 48)
        self.l3 = nn.Linear(48, 4)

    def forward(self, x):
        x = F.relu(self.l1(x))
        x = F.relu(self.l2(x))
        return self.l3(x)


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(14):
    model.train()
    order = np.random.permutation(len(X_train))
    for i in range(0, len(order), 64):
        xb, yb = torch.tensor(X_train[order[i:i + 64]]), torch.tensor(y_train[order[i:i + 64]])
        loss = F.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"Epoch {epoch}: {loss.item():.4f}")

model.eval()
with torch.no_grad():
    oof = model(torch.tensor(X_hold)).argmax(1).numpy()
accuracy = float(accuracy_score(y_hold, oof))
print("Hold-out accuracy:", accuracy)
