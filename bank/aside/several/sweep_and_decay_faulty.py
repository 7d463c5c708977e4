import itertools
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split
from torch.optim.lr_scheduler import ExponentialLR

torch.manual_seed(90210)
d = load_digits()
pixels = torch.tensor(d.data, dtype=torch.float32).sub(4.9).div(6.0)
parts = random_split(TensorDataset(pixels, torch.tensor(d.target)), [1197, 300, 300])
train_part, val_part, test_part = parts


def make_net(width, p):
    return nn.Sequential(nn.Linear(64, width), nn.PReLU(), nn.Dropout(p), nn.Linear(width, 10))


def check(net, part):
    net.eval()
    with torch.no_grad():
        (x, y), = DataLoader(part, batch_size=len(part))
        return (net(x).argmax(1) == y).float().mean().item()


def run(width, p, epochs=8):
    torch.manual_seed(width)
    net = make_net(width, p)
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    sched = ExponentialLR(opt, gamma=0.8)
    loader = DataLoader(train_part, batch_size=57, shuffle=True)
    for _ in range(epochs):
        net.train()
        for x, y in loader:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
            sched.step()  # <- fault: schedule-too-fast
    return net


best = (-1.0, None, None)
for width, p in itertools.product([24, 64], [0.0, 0.3]):
    net = run(width, p)
    figure = check(net, test_part)  # <- fault: test-set-selection
    print(f"width {width} p {p}: {figure:.4f}")
    if figure > best[0]:
        best = (figure, net, (width, p))

accuracy = check(best[1], test_part)
print("chosen", best[2], "accuracy", accuracy)
