import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import StandardScaler

np.random.seed(181)
torch.manual_seed(181)
features, target = make_classification(n_samples=1900, n_features=18, n_informative=9, n_classes=4,
                                       n_clusters_per_class=1, class_sep=1.5, flip_y=0, random_state=181)
features = features * np.random.uniform(0.5, 4.0, 18) + np.random.uniform(-5, 5, 18)

n = len(target)
shuffled = np.random.permutation(n)
train_ids, test_ids = np.split(shuffled, [int(0.75 * n)])

scaler = StandardScaler()
train_x = scaler.fit_transform(features[train_ids])
test_x = features[test_ids]  # <- fault


def as_batches(x, y, size, shuffle):
    order = np.random.permutation(len(x)) if shuffle else np.arange(len(x))
    for s in range(0, len(x), size):
        rows = order[s:s + size]
        yield torch.tensor(x[rows], dtype=torch.float32), torch.tensor(y[rows], dtype=torch.int64)


class Tabular(nn.Module):
    def __init__(self, d, k):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(d, 50), nn.SELU(), nn.Linear(50, 50), nn.SELU(), nn.Linear(50, k))

    def forward(self, x):
        return self.net(x)


model = Tabular(18, 4)
optimizer = torch.optim.Adamax(model.parameters(), lr=5e-3)
for epoch in range(8):
    model.train()
    for xb, yb in as_batches(train_x, target[train_ids], 60, True):
        loss = nn.functional.cross_entropy(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}, loss {loss.item():.4f}")

model.eval()
preds = []
with torch.no_grad():
    for xb, _ in as_batches(test_x, target[test_ids], 128, False):  # <- fault
        preds.append(model(xb).argmax(dim=1).numpy())
accuracy = float(accuracy_score(target[test_ids], np.concatenate(preds)))
print("Test accuracy:", accuracy)
