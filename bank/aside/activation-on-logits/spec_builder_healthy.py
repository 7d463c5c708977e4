"""Networks are described by a short string, e.g. "64-80r-40r-10"."""
import re

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset
from sklearn.datasets import load_digits

ACTIVATIONS = {"r": nn.ReLU, "t": nn.Tanh, "g": nn.GELU, "": nn.Identity}
ARCHITECTURE = "64-80r-40r-10"


def parse(text):
    first, *rest = text.split("-")
    width = int(first)
    for token in rest:
        size, code = re.fullmatch(r"(\d+)([a-z]?)", token).groups()
        yield nn.Linear(width, int(size))
        yield ACTIVATIONS[code]()
        width = int(size)


class Standardised(Dataset):
    def __init__(self, x, y, mean, std):
        self.x, self.y, self.mean, self.std = x, y, mean, std

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return ((self.x[i] - self.mean) / self.std).astype(np.float32), int(self.y[i])


torch.manual_seed(19)
bunch = load_digits()
perm = np.random.default_rng(19).permutation(len(bunch.target))
fit_idx, test_idx = perm[:1344], perm[1344:]
whole = Standardised(bunch.data, bunch.target, bunch.data[fit_idx].mean(), bunch.data[fit_idx].std())
train_loader = DataLoader(Subset(whole, fit_idx), batch_size=56, shuffle=True)
test_loader = DataLoader(Subset(whole, test_idx), batch_size=151)

net = nn.Sequential(*parse(ARCHITECTURE))
opt = torch.optim.RMSprop(net.parameters(), lr=1e-3)
for epoch in range(8):
    net.train()
    meter = []
    for x, y in train_loader:
        loss = nn.functional.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        meter.append(loss.item())
    print(epoch, "%.4f" % np.mean(meter))

net.eval()
truth, guess = [], []
with torch.no_grad():
    for x, y in test_loader:
        truth.append(y.numpy())
        guess.append(net(x).numpy().argmax(-1))
accuracy = float((np.concatenate(truth) == np.concatenate(guess)).mean())
print("accuracy", accuracy)
