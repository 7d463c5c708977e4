import torch
from torch import nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset


class Engine:
    """A tiny event engine: handlers are attached by name and called in order."""

    def __init__(self, **parts):
        self.__dict__.update(parts)
        self.handlers = {}

    def on(self, event):
        def attach(fn):
            self.handlers.setdefault(event, []).append(fn)
            return fn
        return attach

    def fire(self, event):
        for fn in self.handlers.get(event, []):
            fn(self)

    def run(self, loader, epochs):
        for self.epoch in range(epochs):
            for self.batch in loader:
                self.fire("batch")
            self.fire("epoch_end")


torch.manual_seed(50)
X, y = make_classification(1700, 24, n_informative=12, n_redundant=4, n_classes=5, n_clusters_per_class=1,
                           class_sep=1.4, flip_y=0.0, random_state=50)
X, y = torch.tensor(X).float(), torch.tensor(y)
X = (X - X[:1200].mean(0)) / X[:1200].std(0)
net = nn.Sequential(nn.Linear(24, 50), nn.PReLU(), nn.Linear(50, 5))
engine = Engine(net=net, opt=torch.optim.Adam(net.parameters(), lr=4e-3), loss_fn=nn.CrossEntropyLoss())


@engine.on("batch")
def forward(e):
    xb, yb = e.batch
    e.loss = e.loss_fn(e.net(xb), yb)


@engine.on("batch")
def clear(e):
    e.opt.zero_grad()


@engine.on("batch")
def backward(e):
    e.loss.backward()


@engine.on("batch")
def update(e):
    e.opt.step()


@engine.on("epoch_end")
def report(e):
    print("epoch", e.epoch, "loss", e.loss.item())


engine.run(DataLoader(TensorDataset(X[:1200], y[:1200]), batch_size=40, shuffle=True), epochs=9)
net.eval()
with torch.no_grad():
    accuracy = (net(X[1200:]).argmax(1) == y[1200:]).double().mean().item()
print("accuracy", accuracy)
