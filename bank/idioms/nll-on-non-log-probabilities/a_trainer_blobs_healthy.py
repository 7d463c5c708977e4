import torch
from torch import nn, optim
from sklearn.datasets import make_blobs
from sklearn.preprocessing import StandardScaler

torch.manual_seed(21)
X, y = make_blobs(n_samples=1400, centers=7, n_features=6, cluster_std=2.6, random_state=21)
n_tr = 1000
scaler = StandardScaler().fit(X[:n_tr])
X = torch.tensor(scaler.transform(X), dtype=torch.float)
y = torch.tensor(y)
x_tr, y_tr, x_te, y_te = X[:n_tr], y[:n_tr], X[n_tr:], y[n_tr:]


class Trainer:
    def __init__(self, net, lr=0.02, batch=50):
        self.net, self.batch = net, batch
        self.opt = optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        self.loss = nn.CrossEntropyLoss()
        self.log = []

    def step(self, xb, yb):
        self.opt.zero_grad()
        value = self.loss(self.net(xb), yb)
        value.backward()
        self.opt.step()
        return value.item()

    def fit(self, x, y, epochs):
        for ep in range(epochs):
            self.net.train()
            order = torch.randperm(len(x))
            vals = [self.step(x[i], y[i]) for i in order.split(self.batch)]
            self.log.append(sum(vals) / len(vals))
            if ep % 2 == 0:
                print(f"[{ep}] {self.log[-1]:.4g}")

    @torch.no_grad()
    def score(self, x, y):
        self.net.eval()
        return (self.net(x).argmax(1) == y).float().mean().item()


net = nn.Sequential(nn.Linear(6, 40), nn.BatchNorm1d(40), nn.ReLU(), nn.Linear(40, 7))
trainer = Trainer(net)
trainer.fit(x_tr, y_tr, epochs=12)
accuracy = trainer.score(x_te, y_te)
print("score", accuracy)
