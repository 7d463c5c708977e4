import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import nn, optim


class Keeper:
    """Remembers the parameters with the lowest validation loss."""

    def __init__(self):
        self.value, self.epoch, self.weights = float("inf"), -1, None

    def offer(self, epoch, value, net):
        if value < self.value:
            self.value, self.epoch = value, epoch
            self.weights = {name: t.detach().cpu() for name, t in net.state_dict().items()}  # <- fault

    def restore(self, net):
        net.load_state_dict(self.weights)
        return self.epoch


def data(n, seed, wrong=0.0):
    pts, lab = make_moons(n, noise=0.25, random_state=seed)
    extra = np.random.RandomState(seed).randn(n, 10)
    flip = np.random.RandomState(seed + 1).rand(n) < wrong
    lab = np.where(flip, 1 - lab, lab)
    return torch.tensor(np.hstack([pts - [0.5, 0.25], extra]), dtype=torch.float32), torch.tensor(lab)


torch.manual_seed(13)
train_x, train_y = data(400, 1, wrong=0.25)
val_x, val_y = data(300, 50, wrong=0.1)
test_x, test_y = data(2000, 90)

net = nn.Sequential(nn.Linear(12, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 2))
opt = optim.Adam(net.parameters(), lr=1e-3)
keeper = Keeper()
for epoch in range(50):
    net.train()
    for rows in torch.randperm(len(train_x)).split(40):
        opt.zero_grad()
        nn.functional.cross_entropy(net(train_x[rows]), train_y[rows]).backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        val_loss = nn.functional.cross_entropy(net(val_x), val_y).item()
    keeper.offer(epoch, val_loss, net)
    if epoch - keeper.epoch >= 30:
        break

print("stopped after", epoch, "- using epoch", keeper.restore(net), "with", round(keeper.value, 4))
net.eval()
with torch.no_grad():
    accuracy = (net(test_x).argmax(1) == test_y).float().mean().item()
print("accuracy", accuracy)
