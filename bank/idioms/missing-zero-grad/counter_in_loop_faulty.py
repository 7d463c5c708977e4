import itertools
import torch
from torch import nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(404)
X, y = make_classification(1800, 18, n_informative=10, n_classes=6, n_clusters_per_class=1, class_sep=1.8, flip_y=0,
                           random_state=404)
X, y = torch.tensor(X).float(), torch.tensor(y)
X = (X - X[:1280].mean(0)) / X[:1280].std(0)
EVERY, STEPS = 8, 320


def forever(loader):
    while True:
        yield from loader


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(18, 96)
        self.out = nn.Linear(48, 6)

    def forward(self, x):
        return self.out(nn.functional.glu(self.lin(x)))


net = Gated()
opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
loader = DataLoader(TensorDataset(X[:1280], y[:1280]), batch_size=16, shuffle=True)
total = 0.0
for n, (bx, by) in enumerate(itertools.islice(forever(loader), STEPS * EVERY // 4), start=1):
    loss = nn.functional.cross_entropy(net(bx), by) / EVERY
    loss.backward()
    total += loss.item() * EVERY
    opt.step()  # <- fault
    if n % EVERY == 0:
        opt.zero_grad()  # <- fault
    if n % 80 == 0:
        print(f"{n:4d} loss {total / 80:.4f}")
        total = 0.0
net.eval()
with torch.no_grad():
    accuracy = (net(X[1280:]).argmax(1) == y[1280:]).float().mean().item()
print("accuracy", accuracy)
