import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5150)


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.c2, self.b2 = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        nn.init.zeros_(self.b2.weight)

    def forward(self, x):
        return torch.relu(x + self.b2(self.c2(torch.relu(self.b1(self.c1(x))))))


class SmallResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.stage = nn.Sequential(Residual(12), nn.MaxPool2d(2), Residual(12))
        self.fc = nn.Linear(12 * 16, 10)
        nn.init.zeros_(self.fc.weight)
        nn.init.zeros_(self.fc.bias)

    def forward(self, x):
        x = x.repeat(1, 3, 1, 1)
        return self.fc(self.stage(self.stem(x)).flatten(1))


d = load_digits()
x = torch.tensor(d.images).float().unsqueeze(1).sub(4.88).div(6.02)
y = torch.tensor(d.target)
cut = torch.randperm(len(y))
train = DataLoader(TensorDataset(x[cut[:1344]], y[cut[:1344]]), batch_size=64, shuffle=True)
net = SmallResNet()
opt = torch.optim.SGD(net.parameters(), lr=0.4, momentum=0.9, nesterov=True, weight_decay=5e-4)
total = 5 * len(train)
warm = 20
ramp = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min((s + 1) / warm, max(0.0, (total - s) / (total - warm))))
ce = nn.CrossEntropyLoss(label_smoothing=0.1)
for epoch in range(5):
    net.train()
    for xb, yb in train:
        opt.zero_grad()
        loss = ce(net(xb), yb)
        loss.backward()
        opt.step()
        ramp.step()
    print(epoch, ramp.get_last_lr(), loss.item())

net.eval()
with torch.no_grad():
    out = torch.cat([net(c) for c in x[cut[1344:]].split(151)])
accuracy = (out.argmax(1) == y[cut[1344:]]).float().mean().item()
print(accuracy)
