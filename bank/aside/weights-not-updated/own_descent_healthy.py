# Gradient descent from scratch: no torch.optim, only autograd.
import torch
from torch import nn
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

torch.manual_seed(14)
inputs, labels = make_moons(1000, noise=0.12, random_state=14)
xi, xo, yi, yo = train_test_split(inputs, labels, test_size=0.3, random_state=14)
shift, width = xi.mean(0), xi.std(0)
xi = torch.tensor((xi - shift) / width, dtype=torch.float32)
xo = torch.tensor((xo - shift) / width, dtype=torch.float32)
yi, yo = torch.tensor(yi), torch.tensor(yo)

net = nn.Sequential(nn.Linear(2, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 2))
nll = nn.CrossEntropyLoss()


def descend(params, rate):
    with torch.no_grad():
        for w in params:
            w -= rate * w.grad


def forget(params):
    for w in params:
        w.grad = None


def minibatches(x, y, size):
    shuffled = torch.randperm(len(x))
    for a in range(0, len(x), size):
        rows = shuffled[a:a + size]
        yield x[rows], y[rows]


for lap in range(15):
    for bx, by in minibatches(xi, yi, 28):
        forget(net.parameters())
        cost = nll(net(bx), by)
        cost.backward()
        descend(net.parameters(), rate=0.2)
    print("lap", lap, "cost", round(cost.item(), 4))

net.eval()
with torch.no_grad():
    hits = (net(xo).argmax(1) == yo).sum().item()
accuracy = hits / len(yo)
print("accuracy", accuracy)
