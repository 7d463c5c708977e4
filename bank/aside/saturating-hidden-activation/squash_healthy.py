import functools, operator
import torch
from torch import nn, optim
from sklearn.datasets import make_classification

def get_data(seed=19):
    x, y = make_classification(n_samples=1700, n_features=20, n_informative=12, n_redundant=0, n_classes=5,
                               n_clusters_per_class=1, class_sep=1.4, flip_y=0, random_state=seed)
    x = torch.tensor(x, dtype=torch.float32)
    x = (x - x[:1300].mean(0)) / x[:1300].std(0)
    y = torch.tensor(y)
    return (x[:1300], y[:1300]), (x[1300:], y[1300:])

def hidden(n_in, n_out):
    return [nn.Linear(n_in, n_out), nn.ReLU()]

def network(widths, outputs):
    parts = [hidden(a, b) for a, b in zip(widths, widths[1:])]
    return nn.Sequential(*functools.reduce(operator.add, parts), nn.Linear(widths[-1], outputs))

torch.manual_seed(19)
(train_x, train_y), (test_x, test_y) = get_data()
f = network([20, 40, 40, 40], 5)
opt = optim.Adam(f.parameters(), lr=3e-3)
crit = nn.CrossEntropyLoss()
for ep in range(12):
    f.train()
    s = 0.0
    for b in torch.randperm(1300).split(50):
        opt.zero_grad()
        l = crit(f(train_x[b]), train_y[b])
        l.backward()
        opt.step()
        s += l.item()
    print(ep, s / 26)
f.eval()
with torch.no_grad():
    accuracy = (f(test_x).argmax(1) == test_y).float().mean().item()
print("acc", accuracy)
