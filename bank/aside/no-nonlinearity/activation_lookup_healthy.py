"""Residual MLP on concentric rings, everything picked from lookup tables."""
import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import make_gaussian_quantiles
from sklearn.model_selection import train_test_split

ACTIVATIONS = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu}
SETTINGS = {
    "width": 48,
    "depth": 3,
    "activation": "gelu",
    "optimizer": {"lr": 5e-3, "weight_decay": 1e-3},
}


class ResidualBlock(nn.Module):
    def __init__(self, width, act):
        super().__init__()
        self.act = act
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)

    def forward(self, h):
        return h + self.down(self.act(self.up(h)))


class Net(nn.Module):
    def __init__(self, width, depth, activation, classes=3):
        super().__init__()
        act = ACTIVATIONS.get(activation, lambda t: t)
        self.read = nn.Linear(2, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, act) for _ in range(depth))
        self.write = nn.Linear(width, classes)

    def forward(self, x):
        h = self.read(x)
        for block in self.blocks:
            h = block(h)
        return self.write(h)


torch.manual_seed(33)
x, y = make_gaussian_quantiles(n_samples=1500, n_features=2, n_classes=3, random_state=33)
xa, xb, ya, yb = train_test_split(x, y, test_size=500, random_state=33)
xa, xb = torch.tensor(xa).float(), torch.tensor(xb).float()
ya, yb = torch.tensor(ya), torch.tensor(yb)

opts = dict(SETTINGS)
optim_kwargs = opts.pop("optimizer")
net = Net(**opts)
optimizer = torch.optim.AdamW(net.parameters(), **optim_kwargs)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=200)
for epoch in range(10):
    net.train()
    for idx in torch.randperm(1000).split(50):
        loss = F.cross_entropy(net(xa[idx]), ya[idx])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    print(epoch, f"{loss.item():.4f}")
net.eval()
with torch.no_grad():
    accuracy = (net(xb).argmax(-1) == yb).float().mean().item()
print("accuracy", accuracy)
