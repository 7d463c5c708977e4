import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(16)

X, y = make_classification(n_samples=1441, n_features=22, n_informative=11, n_classes=3, class_sep=1.6,
                           n_clusters_per_class=1, flip_y=0.0, random_state=16)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X_train, y_train = X[:1025], y[:1025]
X_test, y_test = X[1025:], y[1025:]
mean, std = X_train.mean(0), X_train.std(0)
X_train, X_test = (X_train - mean) / std, (X_test - mean) / std


class TabularNet(nn.Module):
    def __init__(self, n_in, n_out, p=0.1):
        super().__init__()
        self.fc1 = nn.Linear(n_in, 64)
        self.bn1 = nn.BatchNorm1d(64)
        self.fc2 = nn.Linear(64, 32)
        self.bn2 = nn.BatchNorm1d(32)
        self.drop = nn.Dropout(p)
        self.out = nn.Linear(32, n_out)

    def forward(self, x):
        x = torch.relu(self.bn1(self.fc1(x)))
        x = torch.relu(self.bn2(self.fc2(self.drop(x))))
        return self.out(x)


loader = DataLoader(TensorDataset(X_train, y_train), batch_size=64, shuffle=True, drop_last=True)
model = TabularNet(22, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(8):
    model.train()
    for step, (xb, yb) in enumerate(loader):
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 8 == 0:
            print(f"epoch {epoch} step {step:3d} loss {loss.item():.4f}")

model.eval()
with torch.no_grad():
    accuracy = (model(X_test).argmax(1) == y_test).float().mean().item()
print("accuracy", accuracy)
