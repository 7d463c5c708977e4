import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold

torch.manual_seed(33)
X, y = load_digits(return_X_y=True)
X = (X / 16.0).astype(np.float32)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))

    def forward(self, x):
        return self.layers(x)


def run_epoch(net, optimizer, criterion, xt, yt):
    net.train()
    losses = []
    for idx in torch.randperm(len(xt)).split(64):
        optimizer.zero_grad()
        loss = criterion(net(xt[idx]), yt[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return float(np.mean(losses))


k_folds, num_epochs = 3, 8
criterion = nn.CrossEntropyLoss()
results = {}
skf = StratifiedKFold(n_splits=k_folds, shuffle=True, random_state=33)
for fold, (train_ids, test_ids) in enumerate(skf.split(X, y)):
    print(f"FOLD {fold}")
    network = MLP()
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    xt, yt = torch.from_numpy(X[train_ids]), torch.from_numpy(y[train_ids])
    for epoch in range(num_epochs):
        current = run_epoch(network, optimizer, criterion, xt, yt)
    print("  final train loss", current)
    network.eval()
    with torch.no_grad():
        pred = network(torch.from_numpy(X[test_ids])).argmax(1).numpy()
    results[fold] = float((pred == y[test_ids]).mean())
    print(f"  fold accuracy {results[fold]:.4f}")

accuracy = sum(results.values()) / len(results)
print(f"Average: {accuracy:.4f}")
