import copy
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score


class Patience:
    """Keeps the best weights and says when to stop."""

    def __init__(self, limit):
        self.limit, self.left, self.low, self.kept = limit, limit, float("inf"), None

    def stop(self, value, module):
        if value < self.low:
            self.low, self.left = value, self.limit
            self.kept = copy.deepcopy(module.state_dict())
        else:
            self.left -= 1
        return self.left < 0


def mean_loss(module, loader):
    module.eval()
    with torch.no_grad():
        parts = [(nn.functional.cross_entropy(module(a), b).item(), len(b)) for a, b in loader]
    return sum(v * n for v, n in parts) / sum(n for _, n in parts)


torch.manual_seed(121)
digits = load_digits()
full = TensorDataset(torch.tensor(digits.data, dtype=torch.float32).sub(4.9).div(6.0), torch.tensor(digits.target))
parts = random_split(full, [600, 300, len(full) - 900], generator=torch.Generator().manual_seed(6))
fit_dl = DataLoader(parts[0], batch_size=30, shuffle=True)
val_dl, test_dl = (DataLoader(p, batch_size=300) for p in parts[1:])

net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
opt = torch.optim.Adam(net.parameters(), lr=8e-3)
guard = Patience(3)
for epoch in range(15):
    net.train()
    for a, b in fit_dl:
        opt.zero_grad()
        nn.functional.cross_entropy(net(a), b).backward()
        opt.step()
    v = mean_loss(net, val_dl)
    print(f"epoch {epoch} val {v:.4f}")
    if guard.stop(v, net):
        break

net.load_state_dict(guard.kept)
net.eval()
truth, guess = [], []
with torch.no_grad():
    for a, b in test_dl:
        guess += net(a).argmax(1).tolist()
        truth += b.tolist()
accuracy = accuracy_score(truth, guess)
print("accuracy", accuracy)
