import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class DigitNet(nn.Module):
    def __init__(self, width=64, p=0.4):
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(64, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(p),
            nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(p),
        )
        self.out = nn.Linear(width, 10)

    def forward(self, x):
        return self.out(self.features(x))


class Trainer:
    def __init__(self, model, optimizer, loss_fn):
        self.model, self.optimizer, self.loss_fn = model, optimizer, loss_fn

    def train_epoch(self, loader):
        self.model.train()
        total = 0.0
        for xb, yb in loader:
            self.optimizer.zero_grad()
            loss = self.loss_fn(self.model(xb), yb)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * xb.size(0)
        return total / len(loader.dataset)

    def evaluate(self, loader):
        self.model.eval()
        correct = 0
        with torch.no_grad():
            for xb, yb in loader:
                logits = self.model(xb)
                correct += (logits.argmax(1) == yb).sum().item()
        return correct / len(loader.dataset)

    def fit(self, train_loader, val_loader, epochs):
        for epoch in range(epochs):
            loss = self.train_epoch(train_loader)
            print(f"{epoch:02d} train loss {loss:.4f} val acc {self.evaluate(val_loader):.4f}")


torch.manual_seed(123)
X, y = load_digits(return_X_y=True)
X = (X / 16.0 - 0.305) / 0.376
parts = train_test_split(X, y, test_size=0.4, random_state=123, stratify=y)
X_tr, X_rest, y_tr, y_rest = [torch.tensor(p) for p in parts]
X_tr, X_rest = X_tr.float(), X_rest.float()
half = len(X_rest) // 2
train_loader = DataLoader(TensorDataset(X_tr, y_tr), batch_size=48, shuffle=True, drop_last=True)
val_loader = DataLoader(TensorDataset(X_rest[:half], y_rest[:half]), batch_size=60)
test_loader = DataLoader(TensorDataset(X_rest[half:], y_rest[half:]), batch_size=60)

net = DigitNet()
trainer = Trainer(net, torch.optim.Adam(net.parameters(), lr=2e-3), nn.CrossEntropyLoss())
trainer.fit(train_loader, val_loader, epochs=9)
accuracy = trainer.evaluate(test_loader)
print("final test accuracy", accuracy)
