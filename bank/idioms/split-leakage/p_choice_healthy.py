# STAT 542, project 2: neural classifier for a simulated questionnaire
import numpy as np
import torch
from sklearn.datasets import make_classification

rng = np.random.default_rng(542)
n, p, K = 1600, 24, 3
X, y = make_classification(n_samples=n, n_features=p, n_informative=9, n_redundant=3, n_classes=K,
                           n_clusters_per_class=2, class_sep=1.0, flip_y=0, random_state=542)

# random thirds-like partition: 70 / 30
order = rng.choice(n, size=n, replace=False)
cut = int(0.7 * n)
train_rows, test_rows = order[:cut], order[cut:]

center = X[train_rows].mean(axis=0)
scale = X[train_rows].std(axis=0, ddof=1)
Z = torch.from_numpy((X - center) / scale).float()
g = torch.from_numpy(y).long()

torch.manual_seed(542)
beta0 = torch.nn.Linear(p, 64)
beta1 = torch.nn.Linear(64, 64)
beta2 = torch.nn.Linear(64, K)
theta = [*beta0.parameters(), *beta1.parameters(), *beta2.parameters()]


def eta(z):
    return beta2(torch.relu(beta1(torch.relu(beta0(z)))))


def deviance(z, k):
    return -2 * torch.log_softmax(eta(z), dim=1)[torch.arange(len(k)), k].mean()


optimizer = torch.optim.Adam(theta, lr=2e-3, weight_decay=1e-3)
rows = torch.from_numpy(train_rows)
for it in range(24):
    shuffled = rows[torch.randperm(len(rows))]
    for b in torch.split(shuffled, 70):
        optimizer.zero_grad()
        D = deviance(Z[b], g[b])
        D.backward()
        optimizer.step()
    if it % 4 == 3:
        print("iteration", it + 1, "mean deviance", round(D.item(), 4))

with torch.no_grad():
    yhat = eta(Z[test_rows]).argmax(dim=1).numpy()
confusion = np.zeros((K, K), int)
np.add.at(confusion, (y[test_rows], yhat), 1)
print(confusion)
accuracy = float(np.trace(confusion) / confusion.sum())
print("held-out accuracy", accuracy)
