import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(61)
X, y = make_classification(n_samples=2600, n_features=18, n_informative=9, n_classes=4, n_clusters_per_class=1,
                           class_sep=1.5, random_state=61)
units = torch.tensor([10.0 ** (i % 3) for i in range(18)])
X = (torch.tensor(X).float() + 3) * units
y = torch.tensor(y)
X_tr, X_te, y_tr, y_te = X[:2000], X[2000:], y[:2000], y[2000:]


class Scaler:
    def fit(self, x):
        self.mean, self.std = x.mean(0), x.std(0)
        return self

    def __call__(self, x):
        return (x - self.mean) / self.std


scaler = Scaler().fit(X_tr)
train_loader = DataLoader(TensorDataset(scaler(X_tr), y_tr), batch_size=80, shuffle=True)
test_loader = DataLoader(TensorDataset(scaler(X_te), y_te), batch_size=128)

net = nn.Sequential(nn.Linear(18, 50), nn.LeakyReLU(), nn.Linear(50, 50), nn.LeakyReLU(), nn.Linear(50, 4))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    for xb, yb in train_loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
    print(f"epoch {epoch} loss {loss.item():.4f}")

net.eval()
running = 0.0
with torch.no_grad():
    for xb, yb in test_loader:
        running += (net(xb).argmax(1) == yb).sum().item()
accuracy = running / len(test_loader.dataset)
print("accuracy", accuracy)
