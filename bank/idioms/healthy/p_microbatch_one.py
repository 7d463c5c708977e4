import itertools
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(3)
ACCUM = 16
d = load_digits(n_class=4)
x = torch.tensor(d.images, dtype=torch.float32)[:, None]
y = torch.tensor(d.target)
p = torch.randperm(len(y))
x, y = x[p], y[p]
x = (x - x[:500].mean()) / x[:500].std()
train = DataLoader(TensorDataset(x[:500], y[:500]), batch_size=1, shuffle=True)


class Net(nn.Module):
    """One conv used three times (weights shared over depth), group norm, gain starts at zero."""

    def __init__(self, c=16):
        super().__init__()
        self.stem = nn.Conv2d(1, c, 3, padding=1, stride=2, bias=False)
        self.conv = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.GroupNorm(4, c) for _ in range(3))
        self.head = nn.Linear(c, 4)
        for n in self.norms:
            nn.init.zeros_(n.weight)

    def forward(self, x):
        h = self.stem(x)
        for n in self.norms:
            h = h + n(torch.relu(self.conv(h)))
        return self.head(torch.relu(h).amax((2, 3)))


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
crit = nn.CrossEntropyLoss(reduction="sum")
steps, todo = 0, 0
opt.zero_grad()
for xb, yb in itertools.chain.from_iterable(itertools.repeat(train, 2)):
    loss = crit(net(xb), yb) / ACCUM
    loss.backward()
    todo += 1
    if todo == ACCUM:
        opt.step()
        opt.zero_grad()
        steps, todo = steps + 1, 0
        if steps % 15 == 0:
            print("update", steps)

net.eval()
with torch.no_grad():
    accuracy = (net(x[500:]).argmax(1) == y[500:]).float().mean().item()
print("accuracy", accuracy)
