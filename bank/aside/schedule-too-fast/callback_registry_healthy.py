"""Event-driven trainer: behaviour is attached through a registry of callbacks."""
from collections import defaultdict

import torch
from torch import nn
from torch.optim.lr_scheduler import StepLR
from sklearn.datasets import load_digits


class Loop:
    def __init__(self, net, opt, loss_fn):
        self.net, self.opt, self.loss_fn = net, opt, loss_fn
        self.callbacks = defaultdict(list)

    def on(self, event):
        def register(fn):
            self.callbacks[event].append(fn)
            return fn
        return register

    def fire(self, event, **kw):
        for fn in self.callbacks[event]:
            fn(self, **kw)

    def run(self, x, y, epochs, batch):
        for epoch in range(epochs):
            self.net.train()
            for idx in torch.randperm(len(x)).split(batch):
                loss = self.loss_fn(self.net(x[idx]), y[idx])
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                self.fire("batch", loss=loss.item())
            self.fire("epoch", epoch=epoch)


torch.manual_seed(7)
raw = load_digits()
x = torch.tensor(raw.data).float()
y = torch.tensor(raw.target)
cut = torch.randperm(len(x))
train, test = cut[:1350], cut[1350:]
x = (x - x[train].mean(0)) / (x[train].std(0) + 0.1)

net = nn.Sequential(nn.Linear(64, 80), nn.ReLU(), nn.Linear(80, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
scheduler = StepLR(opt, step_size=3, gamma=0.3)
loop = Loop(net, opt, nn.CrossEntropyLoss())
losses = []


@loop.on("batch")
def record(trainer, loss):
    losses.append(loss)


@loop.on("epoch")
def decay(trainer, **_):
    scheduler.step()


@loop.on("epoch")
def report(trainer, epoch):
    print(f"{epoch}: {sum(losses[-10:]) / 10:.4f}")


loop.run(x[train], y[train], epochs=9, batch=50)
net.eval()
with torch.no_grad():
    accuracy = (net(x[test]).argmax(1) == y[test]).float().mean().item()
print("accuracy", accuracy)
