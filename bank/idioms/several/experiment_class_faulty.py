import copy
import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class Experiment:
    lr, epochs, batch = 0.05, 8, 50

    def __init__(self, seed):
        torch.manual_seed(seed)
        d = load_digits()
        x = (torch.tensor(d.data).float() - 4.884) / 6.017
        parts = random_split(TensorDataset(x, torch.tensor(d.target)), [1200, 300, 297])
        self.train, self.val, self.test = (DataLoader(p, self.batch, shuffle=i == 0) for i, p in enumerate(parts))
        self.net = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
        self.opt = torch.optim.SGD(self.net.parameters(), lr=self.lr, momentum=0.9)
        self.sched = torch.optim.lr_scheduler.StepLR(self.opt, step_size=3, gamma=0.4)  # <- fault: schedule-too-fast

    def step(self, x, y):
        self.opt.zero_grad()
        loss = nn.functional.cross_entropy(self.net(x), y)
        loss.backward()
        self.opt.step()
        self.sched.step()  # <- fault: schedule-too-fast

    def score(self, loader):
        self.net.eval()
        with torch.no_grad():
            marks = torch.cat([self.net(x).argmax(1) == y for x, y in loader])
        self.net.train()
        return marks.float().mean().item()

    def run(self):
        top, stored = -1.0, None
        for epoch in range(self.epochs):
            for x, y in self.train:
                self.step(x, y)
            now = self.score(self.val)
            if now > top:
                top, stored = now, self.net.state_dict()  # <- fault: best-state-alias
            print(f"epoch {epoch} val {now:.4f}")
        self.net.load_state_dict(stored)
        return self.score(self.test)


accuracy = Experiment(seed=16).run()
print("test", accuracy)
