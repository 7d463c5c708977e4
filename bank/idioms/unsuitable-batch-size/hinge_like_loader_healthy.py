import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import BatchSampler, RandomSampler

SIZE = 52
torch.manual_seed(101)
d = load_digits()
perm = torch.randperm(1797)
x = torch.as_tensor(d.data, dtype=torch.float32)[perm]
y = torch.as_tensor(d.target)[perm]
offset, factor = x[:1300].mean(), x[:1300].std()
x = (x - offset) / factor


class Cosine(nn.Module):
    """Scores are scaled cosines between the code and one vector per class."""

    def __init__(self, dim, classes):
        super().__init__()
        self.anchor = nn.Parameter(torch.randn(classes, dim))
        self.log_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, z):
        unit = nn.functional.normalize
        return unit(z) @ unit(self.anchor).T * self.log_scale.exp()


net = nn.Sequential(nn.Linear(64, 64), nn.CELU(), nn.Linear(64, 32), Cosine(32, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
sampler = BatchSampler(RandomSampler(range(1300)), SIZE, drop_last=False)
for epoch in range(24):
    for rows in sampler:
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 4 == 3:
        print(epoch + 1, f"{loss.item():.4f}")

net.eval()
with torch.no_grad():
    accuracy = torch.mean((net(x[1300:]).argmax(-1) == y[1300:]).float()).item()
print("accuracy", accuracy)
