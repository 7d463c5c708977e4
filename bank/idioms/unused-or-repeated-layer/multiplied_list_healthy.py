import torch
import torch.nn as nn
from sklearn.datasets import make_classification

torch.manual_seed(29)
X, y = make_classification(n_samples=2100, n_features=30, n_informative=12, n_classes=5, n_clusters_per_class=1,
                           class_sep=1.6, flip_y=0, random_state=29)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X = (X - X[:1500].mean(0)) / X[:1500].std(0)


def hidden(width):
    return nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width), nn.GELU())


def make_net(n_in, width, n_hidden, n_out):
    first = [nn.Linear(n_in, width), nn.GELU()]
    trunk = [hidden(width) for _ in range(n_hidden)]
    return nn.Sequential(*first, *trunk, nn.Linear(width, n_out))


def minibatches(*tensors, size):
    perm = torch.randperm(len(tensors[0]))
    for chunk in torch.split(perm, size):
        yield tuple(t[chunk] for t in tensors)


net = make_net(30, 40, 4, 5)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
ce = nn.CrossEntropyLoss()
for epoch in range(8):
    for xb, yb in minibatches(X[:1500], y[:1500], size=75):
        optimizer.zero_grad()
        err = ce(net(xb), yb)
        err.backward()
        optimizer.step()
    print("epoch", epoch, "last batch", err.item())

net.eval()
with torch.no_grad():
    votes = net(X[1500:]).argmax(dim=1)
accuracy = (votes == y[1500:]).sum().item() / len(votes)
print("accuracy", accuracy)
