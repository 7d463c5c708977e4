"""Fine-tuning: trunk learnt on digits 0-4, new head for 5-9, batch norm of the trunk kept in inference mode."""
import torch
from torch import nn
from sklearn.datasets import load_digits


def make_net(n_out):
    net = nn.Module()
    net.trunk = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 48), nn.BatchNorm1d(48), nn.ReLU())
    net.head = nn.Linear(48, n_out)
    return net


def run(net, x):
    return net.head(net.trunk(x))


def epochs(net, x, y, opt, n):
    for e in range(n):
        for ix in torch.randperm(len(x)).split(32):
            loss = nn.functional.cross_entropy(run(net, x[ix]), y[ix])
            opt.zero_grad()
            loss.backward()
            opt.step()
        print("  loss", round(loss.item(), 4))


torch.manual_seed(47)
X, t = load_digits(return_X_y=True)
X, t = torch.tensor((X - 4.88) / 6.02).float(), torch.tensor(t)
low, high = t < 5, t >= 5

source = make_net(5)
source.train()
epochs(source, X[low], t[low], torch.optim.Adam(source.parameters(), lr=2e-3), 4)

state = {k: v for k, v in source.state_dict().items() if not k.startswith("head.")}
target = make_net(5)
missing, unexpected = target.load_state_dict(state, strict=False)
assert sorted(missing) == ["head.bias", "head.weight"] and not unexpected

xs, ys = X[high], t[high] - 5
mix = torch.randperm(len(xs))
tr, te = mix[:600], mix[600:]
target.eval()
for m in target.trunk:
    if isinstance(m, nn.BatchNorm1d):
        m.requires_grad_(False)
groups = [{"params": [p for p in target.trunk.parameters() if p.requires_grad], "lr": 1e-4},
          {"params": target.head.parameters(), "lr": 1e-2}]
epochs(target, xs[tr], ys[tr], torch.optim.Adam(groups), 9)
with torch.no_grad():
    accuracy = (run(target, xs[te]).argmax(1) == ys[te]).float().mean().item()
print(accuracy)
