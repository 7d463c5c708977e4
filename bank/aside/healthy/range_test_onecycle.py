import copy
import math
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import make_classification


def loaders(seed):
    x, y = make_classification(1800, 24, n_informative=14, n_redundant=4, n_classes=4, n_clusters_per_class=1,
                               class_sep=1.3, flip_y=0, random_state=seed)
    x = torch.tensor(x, dtype=torch.float32)
    x = (x - x[:1300].mean(0)) / x[:1300].std(0)
    y = torch.tensor(y)
    return DataLoader(TensorDataset(x[:1300], y[:1300]), 52, shuffle=True), (x[1300:], y[1300:])


def range_test(model, loader, lo=1e-4, hi=10.0):
    """Raise the rate geometrically on a throw-away copy; return a tenth of the rate at the lowest loss."""
    probe = copy.deepcopy(model)
    opt = optim.SGD(probe.parameters(), lr=lo, momentum=0.9)
    lr, trail, smooth = lo, [], None
    factor = (hi / lo) ** (1 / 50)
    for _ in range(2):
        for x, y in loader:
            opt.param_groups[0]["lr"] = lr
            loss = nn.functional.cross_entropy(probe(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            smooth = loss.item() if smooth is None else 0.8 * smooth + 0.2 * loss.item()
            trail.append((smooth, lr))
            if not math.isfinite(smooth) or smooth > 4 * trail[0][0]:
                return min(trail)[1] / 10
            lr *= factor
    return min(trail)[1] / 10


torch.manual_seed(71)
loader, (x_test, y_test) = loaders(71)
model = nn.Sequential(nn.Linear(24, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 4))
peak = range_test(model, loader)
print("peak rate", peak)
opt = optim.SGD(model.parameters(), lr=peak, momentum=0.9)
cycle = optim.lr_scheduler.OneCycleLR(opt, max_lr=peak, epochs=10, steps_per_epoch=len(loader))
for epoch in range(10):
    for x, y in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        opt.step()
        cycle.step()
    print(epoch, round(loss.item(), 4), f"{cycle.get_last_lr()[0]:.2e}")

model.eval()
with torch.no_grad():
    accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
print("accuracy", accuracy)
