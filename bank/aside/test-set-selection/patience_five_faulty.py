import copy
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class EarlyStopper:
    """keeps the best weights; says stop after `patience` checks without progress"""

    def __init__(self, patience=5):
        self.patience, self.bad, self.best, self.state = patience, 0, -1.0, None

    def update(self, value, model):
        if value > self.best:
            self.best, self.bad = value, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        return self.bad >= self.patience


def measure(model, loader):
    model.eval()
    n_ok = 0
    with torch.no_grad():
        for xb, yb in loader:
            n_ok += (model(xb).argmax(1) == yb).sum().item()
    return n_ok / len(loader.dataset)


torch.manual_seed(12)
X, y = load_digits(return_X_y=True)
X_tmp, X_test, y_tmp, y_test = train_test_split(X, y, test_size=300, random_state=12, stratify=y)
X_train, X_val, y_train, y_val = train_test_split(X_tmp, y_tmp, test_size=300, random_state=12, stratify=y_tmp)
mean, scale = X_train.mean(), X_train.std()


def loader_of(a, b, **kw):
    return DataLoader(TensorDataset(torch.tensor((a - mean) / scale).float(), torch.tensor(b)), **kw)


train_loader = loader_of(X_train, y_train, batch_size=64, shuffle=True)
val_loader = loader_of(X_val, y_val, batch_size=150)
test_loader = loader_of(X_test, y_test, batch_size=150)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
stopper = EarlyStopper(patience=5)
for epoch in range(25):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        criterion(model(xb), yb).backward()
        optimizer.step()
    if stopper.update(measure(model, test_loader), model):  # <- fault
        print("stopped after epoch", epoch)
        break

model.load_state_dict(stopper.state)
accuracy = measure(model, test_loader)
print("best seen %.4f, reported %.4f" % (stopper.best, accuracy))
