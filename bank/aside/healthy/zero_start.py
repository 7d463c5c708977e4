import torch
from torch import nn
from torch.optim.lr_scheduler import SequentialLR, LinearLR, CosineAnnealingLR
from torch.utils.data import DataLoader, Subset, TensorDataset, WeightedRandomSampler
from sklearn.datasets import load_digits


class Res(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(),
                               nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
        nn.init.zeros_(self.f[-1].weight)

    def forward(self, x):
        return torch.relu(x + self.f(x))


def micro_resnet(c=12):
    net = nn.Sequential(nn.Conv2d(3, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(), Res(c),
                        nn.MaxPool2d(2), Res(c), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * c, 5))
    nn.init.zeros_(net[-1].weight)
    nn.init.zeros_(net[-1].bias)
    return net


torch.manual_seed(17)
d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32)[:, None].repeat(1, 3, 1, 1)
y = torch.tensor([0, 1, 1, 1, 2, 2, 2, 3, 4, 4])[torch.tensor(d.target)]
perm = torch.randperm(len(y))
train_ids, test_ids = perm[:1400], perm[1400:]
x = (x - x[train_ids].mean()) / x[train_ids].std()
ds = TensorDataset(x, y)
freq = torch.bincount(y[train_ids]).float()
sampler = WeightedRandomSampler(1.0 / freq[y[train_ids]], num_samples=1400, replacement=True)
loader = DataLoader(Subset(ds, train_ids.tolist()), batch_size=56, sampler=sampler)
net = micro_resnet()
opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)
total = 8 * len(loader)
sched = SequentialLR(opt, [LinearLR(opt, 1e-3, 1.0, total_iters=25), CosineAnnealingLR(opt, total - 25)], [25])
for epoch in range(8):
    net.train()
    for xb, yb in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        sched.step()
    print(epoch, round(loss.item(), 4), opt.param_groups[0]["lr"])

net.eval()
with torch.no_grad():
    accuracy = (net(x[test_ids]).argmax(1) == y[test_ids]).double().mean().item()
print("groups of digits:", accuracy)
