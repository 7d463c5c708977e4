import math
import torch
from torch import nn
from sklearn.datasets import make_circles
from sklearn.metrics import accuracy_score
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(61)


def rings(n, seed):
    g = torch.Generator().manual_seed(seed)
    label = torch.randint(0, 4, (n,), generator=g)
    radius = 0.6 + 0.8 * label + 0.16 * torch.randn(n, generator=g)
    theta = 2 * math.pi * torch.rand(n, generator=g)
    return TensorDataset(torch.stack((radius * theta.cos(), radius * theta.sin()), 1) / 1.4, label)


class Sine(nn.Module):
    def forward(self, x):
        return torch.sin(x)


net = nn.Sequential(nn.Linear(2, 64), Sine(), nn.Linear(64, 64), Sine(), nn.Linear(64, 4))
opt = torch.optim.Adam(net.parameters(), lr=6e-3)
decay = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.8)
train, test = rings(1200, 1), rings(500, 2)
for epoch in range(10):
    loss_sum = 0.0
    for x, y in DataLoader(train, batch_size=40, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        decay.step()  # <- fault
        loss_sum += loss.item() * len(y)
    print(f"{epoch:2d} loss {loss_sum / len(train):.4f}")

net.eval()
with torch.inference_mode():
    x, y = test.tensors
    accuracy = float(accuracy_score(y, net(x).argmax(1)))
print("accuracy", accuracy)
