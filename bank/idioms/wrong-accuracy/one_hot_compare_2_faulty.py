import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from sklearn.preprocessing import LabelBinarizer

rs = 90
torch.manual_seed(rs)
X, labels = make_blobs(n_samples=2000, n_features=6, centers=8, cluster_std=4.0, random_state=rs)
X = ((X - X[:1500].mean(0)) / X[:1500].std(0)).astype(np.float32)
encoder = LabelBinarizer()
Y = encoder.fit_transform(labels).astype(np.float32)
X_tr, X_te, Y_tr, Y_te = X[:1500], X[1500:], Y[:1500], Y[1500:]


def cross_entropy_soft(logits, onehot):
    return -(onehot * F.log_softmax(logits, dim=1)).sum(dim=1).mean()


def compute_accuracy(logits, onehot):
    pred = F.one_hot(logits.argmax(dim=1), num_classes=onehot.shape[1])
    return (pred == onehot).float().mean().item()  # <- fault


class Perceptron(nn.Module):
    def __init__(self, d, h, k):
        super().__init__()
        self.a, self.b = nn.Linear(d, h), nn.Linear(h, k)

    def forward(self, x):
        return self.b(F.gelu(self.a(x)))


model = Perceptron(6, 40, Y.shape[1])
opt = torch.optim.Adam(model.parameters(), lr=4e-3)
X_tr, Y_tr = torch.from_numpy(X_tr), torch.from_numpy(Y_tr)
X_te, Y_te = torch.from_numpy(X_te), torch.from_numpy(Y_te)
for epoch in range(8):
    for sel in torch.randperm(len(X_tr)).split(50):
        loss = cross_entropy_soft(model(X_tr[sel]), Y_tr[sel])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, loss.item(), compute_accuracy(model(X_tr), Y_tr))

with torch.no_grad():
    accuracy = compute_accuracy(model(X_te), Y_te)  # <- fault
print("test accuracy", accuracy)
