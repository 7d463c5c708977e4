"""Residual net with zero-started branches and output; a slow average of the weights is what gets reported."""
import copy
import torch
from torch import nn
from sklearn.datasets import make_classification

torch.manual_seed(521)
X, y = make_classification(1700, 24, n_informative=10, n_classes=4, n_clusters_per_class=1, class_sep=1.5, flip_y=0,
                           random_state=521)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
X = (X - X[:1300].mean(0)) / X[:1300].std(0)


class Branch(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc, self.bn1 = nn.Linear(d, d, bias=False), nn.BatchNorm1d(d)
        self.fd, self.bn2 = nn.Linear(d, d, bias=False), nn.BatchNorm1d(d)
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        return x + self.bn2(self.fd(torch.relu(self.bn1(self.fc(x)))))


net = nn.Sequential(nn.Linear(24, 48), Branch(48), Branch(48), nn.ReLU(), nn.Linear(48, 4))
nn.init.zeros_(net[-1].weight)
nn.init.zeros_(net[-1].bias)
slow = copy.deepcopy(net).requires_grad_(False).eval()


@torch.no_grad()
def follow(step):
    decay = min(0.97, (1 + step) / (10 + step))
    for a, b in zip(slow.parameters(), net.parameters()):
        a.lerp_(b, 1 - decay)
    for a, b in zip(slow.buffers(), net.buffers()):
        a.copy_(b)


opt = torch.optim.SGD(net.parameters(), lr=0.4)
total = 180
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.4, total_steps=total, pct_start=0.2)
step = 0
while step < total:
    for rows in torch.randperm(1300).split(65):
        net.train()
        loss = nn.functional.cross_entropy(net(X[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        follow(step)
        step += 1
        if step == total:
            break
    print(step, round(loss.item(), 4))

with torch.no_grad():
    accuracy = (slow(X[1300:]).argmax(1) == y[1300:]).float().mean().item()
print("accuracy of the slow copy", accuracy)
