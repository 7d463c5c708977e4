"""Spectra classifier: 1-D convolutions with batch norm."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(101)
LINES = torch.tensor([[8., 20., 33.], [11., 20., 30.], [8., 25., 30.], [14., 25., 36.], [5., 17., 33.]])


def spectra(n, length=40):
    lab = torch.randint(len(LINES), (n,))
    pos = LINES[lab] + 0.8 * torch.randn(n, 3)
    grid = torch.arange(length).float()
    peak = torch.exp(-(grid - pos[:, :, None]) ** 2 / 3.0) * (0.6 + torch.rand(n, 3, 1))
    x = peak.sum(1) + 0.4 * torch.randn(n, length)
    return ((x - 0.2) / 0.4)[:, None], lab


def unit(i, o, stride):
    return nn.Sequential(
        nn.Conv1d(i, o, 5, stride=stride, padding=2, bias=False),
        nn.BatchNorm1d(o, momentum=0.1),
        nn.ReLU(),
    )


net = nn.Sequential(unit(1, 16, 1), unit(16, 24, 2), unit(24, 24, 2), nn.Flatten(), nn.Linear(240, 5))
with torch.no_grad():
    for m in net.modules():
        if isinstance(m, nn.Conv1d):
            nn.init.orthogonal_(m.weight.flatten(1))
            m.weight.mul_(5.0)

train, test = TensorDataset(*spectra(1200)), TensorDataset(*spectra(400))
opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4)
ce = nn.CrossEntropyLoss()
for epoch in range(4):
    net.train()
    for x, y in DataLoader(train, batch_size=40, shuffle=True):
        opt.zero_grad()
        loss = ce(net(x), y)
        loss.backward()
        opt.step()
    print(epoch, loss.item())

net.eval()
n_ok = 0
with torch.no_grad():
    for x, y in DataLoader(test, batch_size=100):
        n_ok += (net(x).argmax(1) == y).sum()
accuracy = float(n_ok) / len(test)
print("accuracy", accuracy)
