"""Notebook export: digits with a small batch-normalised net."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(401)
d = load_digits()
x = torch.tensor(d.data / 16, dtype=torch.float32)
y = torch.tensor(d.target)
o = torch.randperm(len(y))
x, y = (x[o] - 0.305) / 0.376, y[o]
tr = TensorDataset(x[:1400], y[:1400])
te = TensorDataset(x[1400:], y[1400:])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(64, 80)
        self.bn = nn.BatchNorm1d(80)
        self.b = nn.Linear(80, 40)
        self.drop = nn.Dropout(0.4)
        self.c = nn.Linear(40, 10)

    def forward(self, v):
        v = F.relu(self.bn(self.a(v)))
        v = self.drop(F.relu(self.b(v)))
        return F.softmax(self.c(v), dim=1)  # <- fault: softmax-before-cross-entropy


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    net.train()
    for xb, yb in DataLoader(tr, batch_size=50, shuffle=True):
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()  # <- fault: missing-zero-grad
        opt.step()
    print(epoch, loss.item())

correct = 0
with torch.no_grad():
    for xb, yb in DataLoader(te, batch_size=64):
        correct += (net(xb).argmax(1) == yb).sum().item()  # <- fault: evaluation-in-train-mode
accuracy = correct / len(te)
print("accuracy", accuracy)
