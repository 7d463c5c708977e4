import logging
from types import SimpleNamespace

import torch
from torch import nn
from torch.optim.lr_scheduler import ExponentialLR
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("digits")
hp = SimpleNamespace(lr=0.08, gamma=0.85, epochs=12, bs=64, hidden=(56, 28), seed=90)


def prepare():
    pix, num = load_digits(return_X_y=True)
    parts = train_test_split(pix.astype("float32"), num, test_size=360, random_state=hp.seed)
    xa, xb, ya, yb = (torch.from_numpy(p) for p in parts)
    lo, hi = xa.amin(), xa.amax()
    return [2 * (x - lo) / (hi - lo) - 1 for x in (xa, xb)], [ya, yb]


class DigitNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        h1, h2 = hidden
        self.inp, self.mid, self.out = nn.Linear(64, h1), nn.Linear(h1, h2), nn.Linear(h2, 10)
        self.bn = nn.BatchNorm1d(h1)

    def forward(self, x):
        return self.out(self.mid(self.bn(self.inp(x)).relu()).relu())


torch.manual_seed(hp.seed)
(xa, xb), (ya, yb) = prepare()
net = DigitNet(hp.hidden)
sgd = torch.optim.SGD(net.parameters(), lr=hp.lr)
scheduler = ExponentialLR(sgd, gamma=hp.gamma)
objective = nn.CrossEntropyLoss()

for epoch in range(hp.epochs):
    net.train()
    mean_loss, order = 0.0, torch.randperm(len(xa))
    for start in range(0, len(xa) - hp.bs + 1, hp.bs):
        rows = order[start:start + hp.bs]
        sgd.zero_grad()
        loss = objective(net(xa[rows]), ya[rows])
        loss.backward()
        sgd.step()
        scheduler.step()  # <- fault
        mean_loss += loss.item() * hp.bs / len(xa)
    log.info("epoch %d loss %.4f lr %.2e", epoch, mean_loss, scheduler.get_last_lr()[0])

net.eval()
with torch.no_grad():
    accuracy = float(accuracy_score(yb.numpy(), net(xb).argmax(1).numpy()))
log.info("accuracy %.4f", accuracy)
