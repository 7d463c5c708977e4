"""The weights that scored best are copied one by one, and the last ones are tested."""

import torch
from sklearn.datasets import make_classification
from torch import nn

torch.manual_seed(3)
X, y = make_classification(1500, 16, n_informative=10, n_classes=3, flip_y=0.0, class_sep=1.2, random_state=5)
X, y = torch.tensor((X - X.mean(0)) / X.std(0)).float(), torch.tensor(y)
parts = {"fit": slice(0, 700), "dev": slice(700, 1100), "test": slice(1100, 1500)}
net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 3))
opt = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9)


def score(model, part):
    model.eval()
    with torch.no_grad():
        return (model(X[parts[part]]).argmax(1) == y[parts[part]]).float().mean().item()


best, kept = -1.0, None
for _ in range(8):
    net.train()
    for idx in torch.randperm(700).split(32):
        opt.zero_grad()
        nn.functional.cross_entropy(net(X[idx]), y[idx]).backward()
        opt.step()
    now = score(net, "dev")
    if now > best:
        best = now
        kept = [p.detach().clone() for p in net.parameters()]
print("test accuracy", score(net, "test"))  # <- fault
