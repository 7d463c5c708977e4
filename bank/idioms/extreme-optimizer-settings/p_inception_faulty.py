"""usage: train.py [--set key=value ...]"""
import json
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn import datasets, metrics

CONFIG = {
  "model": {"stem": 8, "branch": 8, "n_classes": 10},
  "optim": {"name": "RMSprop", "args": {"lr": 0.003, "alpha": 0.9, "eps": 1.0}},  # <- fault
  "loop": {"epochs": 6, "batch": 48, "seed": 1234}
}
torch.manual_seed(CONFIG["loop"]["seed"])


class MiniInception(nn.Module):
    def __init__(self, stem, branch, n_classes):
        super().__init__()
        self.stem = nn.Conv2d(1, stem, 3, padding=1)
        self.b1 = nn.Conv2d(stem, branch, 1)
        self.b3 = nn.Conv2d(stem, branch, 3, padding=1)
        self.b5 = nn.Sequential(nn.Conv2d(stem, 4, 1), nn.ReLU(), nn.Conv2d(4, branch, 5, padding=2))
        self.fc = nn.Linear(3 * branch * 16, n_classes)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.max_pool2d(x, 2)
        x = F.relu(torch.cat([b(x) for b in (self.b1, self.b3, self.b5)], 1))
        return self.fc(x.flatten(1))


def data(seed):
    d = datasets.load_digits()
    g = torch.Generator().manual_seed(seed)
    p = torch.randperm(len(d.target), generator=g)
    x = torch.from_numpy(d.images).float().unsqueeze(1)[p]
    y = torch.from_numpy(d.target)[p]
    x = x.sub(x[:1400].mean()).div(x[:1400].std())
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


def main(cfg):
    (x, y), (xt, yt) = data(cfg["loop"]["seed"])
    net = MiniInception(**cfg["model"])
    opt = getattr(torch.optim, cfg["optim"]["name"])(net.parameters(), **cfg["optim"]["args"])  # <- fault
    sch = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.9)
    for ep in range(cfg["loop"]["epochs"]):
        net.train()
        s = 0.0
        for idx in torch.randperm(len(y)).split(cfg["loop"]["batch"]):
            opt.zero_grad()
            loss = F.cross_entropy(net(x[idx]), y[idx])
            loss.backward()
            opt.step()
            s += loss.item() * idx.numel()
        sch.step()
        print(f"epoch {ep} loss {s / len(y):.4f} lr {sch.get_last_lr()[0]:.2e}", file=sys.stdout)
    net.eval()
    with torch.inference_mode():
        return metrics.accuracy_score(yt, net(xt).argmax(1))


if __name__ == "__main__":
    accuracy = float(main(CONFIG))
    print(json.dumps({"accuracy": accuracy}))
