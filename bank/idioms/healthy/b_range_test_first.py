"""A learning-rate range test runs to divergence on a copy; the real training starts afresh with a tenth of the best rate."""
import copy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(581)
X, y = (torch.as_tensor(a) for a in load_digits(return_X_y=True))
X = X.float() / 8 - 0.61
perm = torch.randperm(len(y))
train = TensorDataset(X[perm[:1400]], y[perm[:1400]])
test_x, test_y = X[perm[1400:]], y[perm[1400:]]
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def range_test(model, loader, low=1e-4, high=10.0):
    trial = copy.deepcopy(model)
    n = len(loader) * 2
    opt = torch.optim.SGD(trial.parameters(), lr=low)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=(high / low) ** (1 / n))
    smooth, best_rate, lowest = None, low, float("inf")
    for _ in range(2):
        for a, b in loader:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(trial(a), b)
            loss.backward()
            opt.step()
            smooth = loss.item() if smooth is None else 0.8 * smooth + 0.2 * loss.item()
            if smooth < lowest:
                lowest, best_rate = smooth, sched.get_last_lr()[0]
            if smooth > 3 * lowest:
                return best_rate
            sched.step()
    return best_rate


loader = DataLoader(train, batch_size=50, shuffle=True)
rate = range_test(net, loader) / 10
print("rate", rate)
opt = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
for epoch in range(7):
    net.train()
    for a, b in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(a), b)
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))

net.eval()
with torch.no_grad():
    accuracy = (net(test_x).argmax(1) == test_y).float().mean().item()
print("accuracy", accuracy)
