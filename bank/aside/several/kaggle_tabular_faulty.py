import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification

SEED = 2025
np.random.seed(SEED)
torch.manual_seed(SEED)

X, y = make_classification(n_samples=1300, n_features=18, n_informative=9, n_classes=6,
                           n_clusters_per_class=1, class_sep=1.4, random_state=SEED)
indices = np.random.permutation(len(X))
train_idx, test_idx = indices[:1100], indices[800:]  # <- fault: split-leakage
mean, std = X[train_idx].mean(axis=0), X[train_idx].std(axis=0)
X = ((X - mean) / std).astype(np.float32)


def loader_for(idx, shuffle):
    return DataLoader(TensorDataset(torch.from_numpy(X[idx]), torch.from_numpy(y[idx])), batch_size=64, shuffle=shuffle)


train_loader, test_loader = loader_for(train_idx, True), loader_for(test_idx, False)


class TabNet(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 32), nn.ReLU())
        self.fc = nn.Linear(32, n_out)

    def forward(self, x):
        return torch.softmax(self.fc(self.body(x)), dim=1)  # <- fault: softmax-before-cross-entropy


model = TabNet(18, 6)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
for epoch in range(14):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    if epoch % 4 == 0:
        print(f"epoch {epoch} loss {loss.item():.4f}")

model.eval()
correct = 0
with torch.no_grad():
    for xb, yb in test_loader:
        correct += (model(xb).argmax(dim=1) == yb).sum().item()
accuracy = correct / (len(test_loader) * test_loader.batch_size)  # <- fault: wrong-accuracy
print("test accuracy", accuracy)
