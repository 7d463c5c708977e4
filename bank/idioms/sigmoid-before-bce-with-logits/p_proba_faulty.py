"""Signal/background separation, scikit-learn style estimator around torch."""
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_gaussian_quantiles
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class _Net(torch.nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.inp = torch.nn.Linear(d, h)
        self.mid = torch.nn.Linear(h, h)
        self.top = torch.nn.Linear(h, 1)

    def forward(self, x):
        z = F.mish(self.inp(x))
        z = F.mish(self.mid(z)) + z
        return self.top(z)[:, 0]

    def proba(self, x):
        return torch.special.expit(self(x))


class TorchBinary(ClassifierMixin, BaseEstimator):
    def __init__(self, hidden=32, lr=0.02, max_iter=24, batch_size=80, random_state=None):
        self.hidden = hidden
        self.lr = lr
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.random_state = random_state

    def fit(self, X, y):
        torch.manual_seed(self.random_state)
        self.classes_ = np.unique(y)
        X = torch.as_tensor(X, dtype=torch.float32)
        t = torch.as_tensor(y == self.classes_[1], dtype=torch.float32)
        pos_weight = (1 - t).sum() / t.sum()
        self.net_ = _Net(X.shape[1], self.hidden)
        opt = torch.optim.SGD(self.net_.parameters(), lr=self.lr, momentum=0.9)
        self.loss_curve_ = []
        for _ in range(self.max_iter):
            total = 0.0
            for i in torch.randperm(len(t)).split(self.batch_size):
                out = self.net_.proba(X[i])  # <- fault
                loss = F.binary_cross_entropy_with_logits(out, t[i], pos_weight=pos_weight)  # <- fault
                self.net_.zero_grad()
                loss.backward()
                opt.step()
                total += loss.item() * len(i)
            self.loss_curve_.append(total / len(t))
        return self

    def predict(self, X):
        self.net_.eval()
        with torch.no_grad():
            p = self.net_.proba(torch.as_tensor(X, dtype=torch.float32)).numpy()
        return self.classes_[(p > 0.5).astype(int)]


X, q = make_gaussian_quantiles(n_samples=1800, n_features=4, n_classes=3, random_state=0)
y = np.where(q == 2, "signal", "background")
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, stratify=y, random_state=1)
clf = make_pipeline(StandardScaler(), TorchBinary(random_state=7)).fit(X_tr, y_tr)
print("loss", [round(v, 3) for v in clf[-1].loss_curve_])
accuracy = float(clf.score(X_te, y_te))
print("score", accuracy)
