import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from sklearn.preprocessing import StandardScaler

torch.manual_seed(1)
X, y = make_blobs(n_samples=1301, centers=7, n_features=12, cluster_std=5.0, random_state=8)
n_train = 901
scaler = StandardScaler().fit(X[:n_train])
X = torch.from_numpy(scaler.transform(X)).float()
y = torch.from_numpy(y).long()
X_train, y_train, X_test, y_test = X[:n_train], y[:n_train], X[n_train:], y[n_train:]


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc1 = nn.Linear(12, 48)
        self.bn1 = nn.BatchNorm1d(48)
        self.fc2 = nn.Linear(48, 32)
        self.bn2 = nn.BatchNorm1d(32)
        self.fc3 = nn.Linear(32, 7)

    def forward(self, x):
        x = F.relu(self.bn1(self.fc1(x)))
        x = F.relu(self.bn2(self.fc2(x)))
        return self.fc3(x)


net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
BATCH_SIZE = 32

for epoch in range(8):
    net.train()
    permutation = torch.randperm(n_train)
    epoch_loss = 0.0
    for start in range(0, n_train, BATCH_SIZE):
        indices = permutation[start:start + BATCH_SIZE]
        optimizer.zero_grad()
        loss = criterion(net(X_train[indices]), y_train[indices])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(indices)
    print(f"Epoch {epoch + 1}: loss = {epoch_loss / n_train:.4f}")

net.eval()
with torch.no_grad():
    predicted = net(X_test).argmax(1)
accuracy = (predicted == y_test).float().mean().item()
print(f"Accuracy: {accuracy:.4f}")
