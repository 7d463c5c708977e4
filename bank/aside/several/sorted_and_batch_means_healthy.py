import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(66)
rng = np.random.default_rng(66)
X, y = make_classification(1400, 18, n_informative=9, n_redundant=3, n_classes=4, class_sep=1.5, random_state=66)
X_train, y_train, X_test, y_test = X[:1000], y[:1000], X[1000:], y[1000:]
lo, sd = X_train.mean(0), X_train.std(0)
by_class = np.argsort(y_train, kind="stable")
X_train, y_train = X_train[by_class], y_train[by_class]
as_t = lambda a: torch.tensor((a - lo) / sd, dtype=torch.float32)
X_train, X_test, y_train, y_test = as_t(X_train), as_t(X_test), torch.tensor(y_train), torch.tensor(y_test)


def minibatches(n, size, shuffle):
    index = rng.permutation(n) if shuffle else np.arange(n)
    for i in range(0, n, size):
        yield torch.from_numpy(index[i:i + size])


model = torch.nn.Sequential(torch.nn.Linear(18, 64), torch.nn.ReLU(), torch.nn.Linear(64, 4))
opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(8):
    for b in minibatches(1000, 40, shuffle=True):
        opt.zero_grad()
        F.cross_entropy(model(X_train[b]), y_train[b]).backward()
        opt.step()

model.eval()
hits, batches = 0, 0
with torch.no_grad():
    for b in minibatches(400, 48, shuffle=False):
        hits += (model(X_test[b]).argmax(1) == y_test[b]).sum().item()
        batches += 1
accuracy = hits / len(y_test)
print("accuracy", accuracy)
