"""A classifier with fit and score, as scikit-learn's are, on blobs."""

from copy import deepcopy

import numpy as np
import torch
from sklearn.datasets import make_blobs
from torch import nn


class Classifier:
    """Wraps a net; keeps the weights of the best validation score."""

    def __init__(self, n_features, n_classes, hidden=32, lr=0.05, batch_size=32, seed=0):
        torch.manual_seed(seed)
        self.net_ = nn.Sequential(
            nn.Linear(n_features, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_classes),
        )
        self.opt_ = torch.optim.SGD(self.net_.parameters(), lr=lr, momentum=0.9)
        self.loss_ = nn.CrossEntropyLoss()
        self.batch_size = batch_size
        self.best_score_ = 0.0
        self.best_weights_ = None

    def _batches(self, n):
        order = np.random.permutation(n)
        for i in range(0, n, self.batch_size):
            yield torch.from_numpy(order[i : i + self.batch_size])

    def partial_fit(self, X, y):
        self.net_.train()
        for idx in self._batches(len(X)):
            self.opt_.zero_grad()
            logits = self.net_(X[idx])
            loss = self.loss_(logits, y[idx])
            loss.backward()
            self.opt_.step()
        return self

    def predict(self, X):
        self.net_.eval()
        with torch.no_grad():
            return self.net_(X).argmax(dim=1)

    def score(self, X, y):
        return (self.predict(X) == y).float().mean().item()

    def fit(self, X, y, X_val, y_val, epochs=6):
        for _ in range(epochs):
            self.partial_fit(X, y)
            score = self.score(X_val, y_val)
            if score > self.best_score_:
                self.best_score_ = score
                self.best_weights_ = deepcopy(self.net_.state_dict())
        self.net_.load_state_dict(self.best_weights_)
        return self


np.random.seed(0)
X, y = make_blobs(n_samples=900, centers=5, n_features=8, cluster_std=3.0, random_state=1)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
clf = Classifier(8, 5).fit(X[:600], y[:600], X[600:750], y[600:750])
print("test score", clf.score(X[750:], y[750:]))
