import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class TorchMLPClassifier(BaseEstimator, ClassifierMixin):
    """Incremental classifier with the scikit-learn partial_fit protocol."""

    def __init__(self, hidden=64, learning_rate=0.01, momentum=0.95, batch_size=100, random_state=0):
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.batch_size = batch_size
        self.random_state = random_state

    def _initialise(self, n_features, classes):
        torch.manual_seed(self.random_state)
        self.classes_ = np.asarray(classes)
        self.module_ = torch.nn.Sequential(
            torch.nn.Linear(n_features, self.hidden), torch.nn.SiLU(),
            torch.nn.Linear(self.hidden, len(self.classes_)))
        self._prepare_update()

    def _prepare_update(self):
        self.update_ = torch.optim.SGD(self.module_.parameters(), lr=self.learning_rate, momentum=self.momentum)

    def partial_fit(self, X, y, classes=None):
        if not hasattr(self, "module_"):
            self._initialise(X.shape[1], classes)
        self.module_.train()
        X_t = torch.as_tensor(X, dtype=torch.float32)
        y_t = torch.as_tensor(np.searchsorted(self.classes_, y))
        for rows in torch.randperm(len(X_t)).split(self.batch_size):
            self.update_.zero_grad()
            torch.nn.functional.cross_entropy(self.module_(X_t[rows]), y_t[rows]).backward()
            self.update_.step()
        return self

    @torch.no_grad()
    def predict(self, X):
        self.module_.eval()
        return self.classes_[self.module_(torch.as_tensor(X, dtype=torch.float32)).argmax(1).numpy()]


X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=7)
scaler = StandardScaler().fit(X_train)
clf = TorchMLPClassifier()
for epoch in range(10):
    clf.partial_fit(scaler.transform(X_train), y_train, classes=np.unique(y_train))
accuracy = float(accuracy_score(y_test, clf.predict(scaler.transform(X_test))))
print("held-out accuracy", round(accuracy, 4))
