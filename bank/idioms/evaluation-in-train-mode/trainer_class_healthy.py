import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(81)


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Flatten(),
            nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(96, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(64, 10),
        )


class Fit:
    """Little training harness: fit(), then score()."""

    def __init__(self, net, lr, bs):
        self.net, self.bs = net, bs
        self.opt = optim.Adam(net.parameters(), lr=lr)
        self.log = []

    def fit(self, ds, epochs):
        for _ in range(epochs):
            self.net.train()
            acc = 0.0
            for x, y in DataLoader(ds, self.bs, shuffle=True, drop_last=True):
                loss = nn.functional.cross_entropy(self.net(x), y)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                acc += loss.item()
            self.log.append(acc)
        return self

    def score(self, ds):
        self.net.eval()
        right = 0
        with torch.no_grad():
            for x, y in DataLoader(ds, 32):
                right += (self.net(x).argmax(1) == y).sum().item()
        return right / len(ds)


raw = load_digits()
x = torch.tensor(raw.images, dtype=torch.float32) / 16 - 0.3
y = torch.tensor(raw.target)
cut = torch.rand(len(y), generator=torch.Generator().manual_seed(5)) < 0.8
harness = Fit(Net(), lr=3e-3, bs=64).fit(TensorDataset(x[cut], y[cut]), epochs=9)
print(harness.log)
accuracy = harness.score(TensorDataset(x[~cut], y[~cut]))
print("accuracy", accuracy)
