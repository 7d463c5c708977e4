import math
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(44)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8)
X = (X / 16).repeat(1, 3, 1, 1)          # grey to three channels
X = (X - 0.45) / 0.225
a, b, ya, yb = train_test_split(X, torch.tensor(y), test_size=0.25, random_state=44)
train = DataLoader(TensorDataset(a, ya), batch_size=64, shuffle=True, drop_last=True)


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(c, c, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(c)
        nn.init.zeros_(self.bn.weight)

    def forward(self, x):
        return torch.relu(x + self.bn(self.conv(x)))


net = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), Residual(12),
                    nn.MaxPool2d(2), Residual(12), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(48, 10, bias=False))
nn.init.zeros_(net[-1].weight)
epochs = 8
total, warm = epochs * len(train), 30
opt = torch.optim.SGD(net.parameters(), lr=0.4, momentum=0.9, nesterov=True, weight_decay=5e-4)
sched = torch.optim.lr_scheduler.LambdaLR(
    opt, lambda s: s / warm if s < warm else 0.5 * (1 + math.cos(math.pi * (s - warm) / (total - warm))))
crit = nn.CrossEntropyLoss(label_smoothing=0.1)
for epoch in range(epochs):
    net.train()
    for xb, yb_ in train:
        loss = crit(net(xb), yb_)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
    print(f"epoch {epoch} loss {loss.item():.3f} lr {sched.get_last_lr()[0]:.4f}")
net.eval()
with torch.no_grad():
    accuracy = (net(b).argmax(1) == yb).float().mean().item()
print(accuracy)
