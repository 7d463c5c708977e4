import torch
from torch import nn
from sklearn.datasets import load_digits


class DeviationPool(nn.Module):
    """Mean and standard deviation over the positions of each map."""

    def forward(self, maps):
        flat = maps.flatten(2)
        mean = flat.mean(2)
        spread = (((flat - mean.unsqueeze(2)) ** 2).mean(2) + 1e-4).sqrt()
        return torch.cat([mean, spread], 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(1, 24, 3), nn.ReLU(), nn.Conv2d(24, 40, 3), nn.ReLU(),
                                  nn.Dropout2d(0.1))
        self.pool = DeviationPool()
        self.quarters = nn.MaxPool2d(2)
        self.out = nn.Linear(80 + 160, 10)

    def forward(self, x):
        m = self.maps(x)
        return self.out(torch.cat([self.pool(m), self.quarters(m).flatten(1)], 1))


torch.manual_seed(29)
digits = load_digits()
x = torch.from_numpy(digits.images).float()[:, None]
y = torch.from_numpy(digits.target)
keep = torch.randperm(len(y))
fit, out = keep[:1360], keep[1360:]
x = (x - x[fit].mean()) / x[fit].std()
net = Net()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
for epoch in range(6):
    net.train()
    losses = torch.zeros(34)
    for i, rows in enumerate(fit[torch.randperm(1360)].split(40)):
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses[i] = loss.detach()
    print("epoch", epoch, "loss", losses.mean().item())
net.eval()
with torch.no_grad():
    accuracy = net(x[out]).argmax(1).eq(y[out]).float().mean().item()
print("accuracy", accuracy)
