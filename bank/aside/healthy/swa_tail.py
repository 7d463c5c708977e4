import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, SWALR, update_bn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(300)
d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32)[:, None]
y = torch.tensor(d.target)
cut = torch.randperm(1797)
fit, held = cut[:1350], cut[1350:]
x = (x - x[fit].mean()) / x[fit].std()
x = x.expand(-1, 3, -1, -1).contiguous()


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        nn.init.zeros_(self.bn.weight)

    def forward(self, t):
        return torch.relu(t + self.bn(self.conv(t)))


net = nn.Sequential(nn.Conv2d(3, 12, 3, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
                    Residual(12), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(108, 10))
loader = DataLoader(TensorDataset(x[fit], y[fit]), batch_size=64, shuffle=True, drop_last=True)
opt = torch.optim.SGD(net.parameters(), lr=0.4)
averaged = AveragedModel(net)
tail = SWALR(opt, swa_lr=0.1, anneal_epochs=2)
smooth = nn.CrossEntropyLoss(label_smoothing=0.1)
for epoch in range(9):
    net.train()
    for xb, yb in loader:
        opt.zero_grad()
        loss = smooth(net(xb), yb)
        loss.backward()
        opt.step()
    if epoch >= 4:
        averaged.update_parameters(net)
        tail.step()
    print(epoch, loss.item())

update_bn(loader, averaged)
averaged.eval()
with torch.no_grad():
    accuracy = (averaged(x[held]).argmax(1) == y[held]).float().mean().item()
print("averaged weights:", accuracy)
