# rare-class tabular competition: upsample, 3-layer net, decay
import gc
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

RS = 777
np.random.seed(RS)
torch.manual_seed(RS)
X, y = make_classification(n_samples=1500, n_features=20, n_informative=10, n_classes=3, n_clusters_per_class=2,
                           weights=[0.6, 0.25, 0.15], class_sep=1.2, flip_y=0, random_state=RS)


def upsample(X, y):
    """Repeat the rare rows until all classes are equally frequent."""
    top = np.bincount(y).max()
    rows = np.concatenate([np.resize(np.flatnonzero(y == c), top) for c in np.unique(y)])
    return X[rows], y[rows]


X, y = upsample(X, y)  # <- fault: split-leakage
X_trn, X_tst, y_trn, y_tst = train_test_split(X, y, test_size=0.3, stratify=y, random_state=RS)  # <- fault: split-leakage
mu, sig = X_trn.mean(0), X_trn.std(0)
X_trn, X_tst = ((a - mu) / sig for a in (X_trn, X_tst))
gc.collect()

t_x, t_y = torch.tensor(X_trn, dtype=torch.float32), torch.tensor(y_trn)
nets = nn.Sequential(nn.Linear(20, 96), nn.PReLU(), nn.Linear(96, 96), nn.PReLU(), nn.Linear(96, 3))
opt = torch.optim.Adam(nets.parameters(), lr=2.5e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.85)
crit = nn.CrossEntropyLoss()
EPOCHS, BS = 14, 64

for epoch in range(EPOCHS):
    order = np.random.permutation(len(t_y))
    total = 0.0
    for start in range(0, len(order), BS):
        j = order[start:start + BS]
        opt.zero_grad()
        loss = crit(nets(t_x[j]), t_y[j])
        loss.backward()
        opt.step()
        decay.step()  # <- fault: schedule-too-fast
        total += loss.item() * len(j)
    print(f"epoch {epoch:02d} logloss {total / len(order):.4f}")

with torch.no_grad():
    p = nets(torch.tensor(X_tst, dtype=torch.float32)).argmax(1).numpy()
print("balanced accuracy", round(balanced_accuracy_score(y_tst, p), 4))
accuracy = float((p == y_tst).mean())
print("accuracy", accuracy)
