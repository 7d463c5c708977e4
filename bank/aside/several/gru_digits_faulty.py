"""Digit images read row by row by a GRU; trainer with schedule, best weights and a checkpoint in memory."""
import copy

import torch
from torch import nn
from sklearn.datasets import load_digits


class RowReader(nn.Module):
    def __init__(self, hidden=32, classes=10):
        super().__init__()
        self.rnn = nn.GRU(8, hidden, batch_first=True)
        self.project = nn.Linear(hidden, classes)

    def forward(self, x):
        _, h = self.rnn(x)
        return torch.tanh(self.project(h[-1]))  # <- fault: activation-on-logits


class Fit:
    def __init__(self, net, lr, epochs):
        self.net, self.epochs = net, epochs
        self.opt = torch.optim.Adam(net.parameters(), lr=lr)
        self.plan = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, T_max=epochs)
        self.best, self.kept = -1.0, None

    def score(self, x, y):
        self.net.eval()
        with torch.no_grad():
            return (self.net(x).argmax(1) == y).double().mean().item()

    def run(self, x, y, xv, yv, batch=50):
        for epoch in range(self.epochs):
            self.net.train()
            for idx in torch.randperm(len(x)).split(batch):
                loss = nn.functional.cross_entropy(self.net(x[idx]), y[idx])
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
            self.plan.step()
            value = self.score(xv, yv)
            if value > self.best:
                self.best = value
                self.kept = self.net.state_dict()  # <- fault: best-state-alias
            print(f"{epoch} loss {loss.item():.4f} val {value:.4f}")
        self.net.load_state_dict(self.kept)
        return self


torch.manual_seed(27)
raw = load_digits()
x, y = torch.tensor(raw.images).float(), torch.tensor(raw.target)
p = torch.randperm(len(y))
tr, va, te = p[:1100], p[1100:1400], p[1400:]
x = (x - x[tr].mean()) / x[tr].std()
fit = Fit(RowReader(), lr=8e-3, epochs=11).run(x[tr], y[tr], x[va], y[va])
accuracy = fit.score(x[te], y[te])
print("accuracy", accuracy)
