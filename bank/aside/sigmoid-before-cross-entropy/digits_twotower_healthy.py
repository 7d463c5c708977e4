import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset, DataLoader, random_split

torch.manual_seed(7)
np.random.seed(7)

raw = load_digits()
imgs = torch.from_numpy(raw.images).float().div(8).sub(1).unsqueeze(1)
full = TensorDataset(imgs, torch.from_numpy(raw.target).long())
train_set, val_set = random_split(full, [1400, 397], generator=torch.Generator().manual_seed(7))
train_dl = DataLoader(train_set, batch_size=50, shuffle=True)
val_dl = DataLoader(val_set, batch_size=200)


class TwoTower(nn.Module):
    """rows and columns are read by two separate linear towers"""

    def __init__(self, width=48):
        super().__init__()
        self.rows = nn.Linear(64, width)
        self.cols = nn.Linear(64, width)
        self.merge = nn.Linear(2 * width, width)
        self.top = nn.Linear(width, 10)

    def forward(self, im):
        a = F.relu(self.rows(im.flatten(1)))
        b = F.relu(self.cols(im.transpose(2, 3).flatten(1)))
        z = F.relu(self.merge(torch.cat((a, b), dim=1)))
        return self.top(z)


def score(net):
    net.eval()
    good = 0
    with torch.no_grad():
        for xb, yb in val_dl:
            good += net(xb).argmax(1).eq(yb).sum().item()
    return good / len(val_set)


net = TwoTower()
optim = torch.optim.Adam(net.parameters(), lr=1e-3)
history = []
for epoch in range(12):
    net.train()
    losses = []
    for xb, yb in train_dl:
        optim.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        optim.step()
        losses.append(loss.item())
    history.append(np.mean(losses))
    print("epoch", epoch, "train", round(history[-1], 4))

accuracy = score(net)
print("val acc %.4f" % accuracy)
