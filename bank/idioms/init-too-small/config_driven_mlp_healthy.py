from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


@dataclass
class Config:
    depth: int = 5
    width: int = 64
    lr: float = 0.05
    momentum: float = 0.9
    epochs: int = 10
    batch: int = 64
    seed: int = 11


class MLP(nn.Module):
    def __init__(self, d_in, n_out, cfg):
        super().__init__()
        dims = [d_in] + [cfg.width] * cfg.depth
        self.hidden = nn.ModuleList([nn.Linear(a, b) for a, b in zip(dims[:-1], dims[1:])])
        self.head = nn.Linear(cfg.width, n_out)
        self.reset()

    def reset(self):
        for layer in list(self.hidden) + [self.head]:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.head(x)


def main(cfg):
    torch.manual_seed(cfg.seed)
    X, y = load_digits(return_X_y=True)
    X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.2, random_state=cfg.seed)
    scaler = StandardScaler().fit(X_tr)
    train = TensorDataset(torch.tensor(scaler.transform(X_tr)).float(), torch.tensor(y_tr))
    test = TensorDataset(torch.tensor(scaler.transform(X_te)).float(), torch.tensor(y_te))
    loader = DataLoader(train, batch_size=cfg.batch, shuffle=True)
    net = MLP(64, 10, cfg)
    opt = torch.optim.SGD(net.parameters(), lr=cfg.lr, momentum=cfg.momentum)
    loss_fn = nn.CrossEntropyLoss()
    for ep in range(cfg.epochs):
        net.train()
        for xb, yb in loader:
            opt.zero_grad()
            loss = loss_fn(net(xb), yb)
            loss.backward()
            opt.step()
        print(ep, round(loss.item(), 4))
    net.eval()
    hits = 0
    with torch.no_grad():
        for xb, yb in DataLoader(test, batch_size=128):
            hits += (net(xb).argmax(1) == yb).sum().item()
    return hits / len(test)


accuracy = main(Config())
print("accuracy:", accuracy)
