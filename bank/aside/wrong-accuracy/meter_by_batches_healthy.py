"""A tiny framework: metric objects, a loop, a report."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_blobs


class HitRate:
    def __init__(self):
        self.reset()

    def reset(self):
        self.hits, self.count = 0, 0

    def add(self, logits, y, loader):
        self.hits += (logits.argmax(dim=1) == y).sum().item()
        self.count += len(y)

    @property
    def value(self):
        return self.hits / self.count


class Loop:
    def __init__(self, net, lr):
        self.net = net
        self.opt = torch.optim.Adagrad(net.parameters(), lr=lr)
        self.meter = HitRate()

    def train(self, loader):
        self.net.train()
        for x, y in loader:
            self.opt.zero_grad()
            nn.functional.cross_entropy(self.net(x), y).backward()
            self.opt.step()

    @torch.no_grad()
    def test(self, loader):
        self.net.eval()
        self.meter.reset()
        for x, y in loader:
            self.meter.add(self.net(x), y, loader)
        return self.meter.value


torch.manual_seed(45)
X, Y = make_blobs(1315, n_features=5, centers=7, cluster_std=2.3, random_state=45)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X[:1000].mean(0)) / X[:1000].std(0)
Y = torch.tensor(Y)
train_loader = DataLoader(TensorDataset(X[:1000], Y[:1000]), batch_size=50, shuffle=True)
test_loader = DataLoader(TensorDataset(X[1000:], Y[1000:]), batch_size=128)

loop = Loop(nn.Sequential(nn.Linear(5, 64), nn.Softplus(), nn.Linear(64, 7)), lr=0.05)
for _ in range(12):
    loop.train(train_loader)
accuracy = loop.test(test_loader)
print("rate of hits:", accuracy)
