"""Satellite-band crop classifier (re-write of an old TF1 script, hence the keep probabilities)."""
import argparse
import torch
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--keep", type=float, default=0.9, help="probability that a unit survives")
ap.add_argument("--units", type=int, nargs="+", default=[48, 48])
ap.add_argument("--rounds", type=int, default=10)
ap.add_argument("--seed", type=int, default=77)
flags = ap.parse_args([])
torch.manual_seed(flags.seed)

BANDS, DATES, CROPS = 4, 6, 7
season = torch.randn(CROPS, DATES, BANDS).cumsum(1) * 0.6


def fields(n):
    crop = torch.randint(CROPS, (n,))
    haze = 0.5 * torch.randn(n, 1, BANDS)
    return (season[crop] + haze + 0.55 * torch.randn(n, DATES, BANDS)).flatten(1), crop


def mlp(n_in, units, n_out, keep):
    layers = []
    for u in units:
        layers += [nn.Linear(n_in, u), nn.ReLU(), nn.Dropout(1 - keep)]
        n_in = u
    return nn.Sequential(*layers, nn.Linear(n_in, n_out))


(a, la), (b, lb) = fields(800), fields(400)
offset, width = a.mean(0), a.std(0)
a, b = (a - offset) / width, (b - offset) / width
clf = mlp(a.shape[1], flags.units, CROPS, flags.keep)
opt = torch.optim.Adamax(clf.parameters(), lr=5e-3)

for r in range(flags.rounds):
    clf.train()
    tot = 0.0
    for ids in torch.randperm(800).split(40):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(clf(a[ids]), la[ids])
        loss.backward()
        opt.step()
        tot += loss.item() / 20
    print(f"round {r:2d}  xent {tot:.4f}")

clf.eval()
with torch.no_grad():
    accuracy = (clf(b).argmax(1) == lb).float().mean().item()
print("fields right:", accuracy)
