import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score

np.random.seed(17)
torch.manual_seed(17)
X, y = make_classification(1500, 15, n_informative=6, n_classes=2, weights=[0.85], class_sep=1.0,
                           flip_y=0.03, random_state=17)
X = X.astype(np.float32)


def oversample(X, y):
    minority = np.flatnonzero(y == 1)
    extra = np.random.choice(minority, (y == 0).sum() - len(minority))
    keep = np.random.permutation(np.concatenate([np.arange(len(y)), extra]))
    return X[keep], y[keep]


n = int(0.7 * len(y))
X_tr, y_tr, X_te, y_te = X[:n], y[:n], X[n:], y[n:]
X_tr, y_tr = oversample(X_tr, y_tr)
mu, sigma = X_tr.mean(0), X_tr.std(0)
X_tr, X_te = torch.from_numpy((X_tr - mu) / sigma), torch.from_numpy((X_te - mu) / sigma)
y_tr = torch.from_numpy(y_tr).float()

net = nn.Sequential(nn.Linear(15, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3),
                    nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 1))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
bce = nn.BCEWithLogitsLoss()


def predict(inputs):
    net.eval()
    with torch.no_grad():
        return (net(inputs)[:, 0] > 0).long().numpy()


net.train()
for epoch in range(8):
    net.train()
    for j in torch.randperm(len(X_tr)).split(64):
        if len(j) < 2:
            continue
        opt.zero_grad()
        loss = bce(net(X_tr[j])[:, 0], y_tr[j])
        loss.backward()
        opt.step()
    fit_acc = (predict(X_tr) == y_tr.numpy()).mean()
    print(f"epoch {epoch}: fit {fit_acc:.3f}")

accuracy = float(balanced_accuracy_score(y_te, predict(X_te)))
print("balanced accuracy", accuracy)
