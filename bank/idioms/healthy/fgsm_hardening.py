"""Half of every batch is moved by a signed gradient step on the images that raises the loss."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(77)
data = load_digits()
images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(data.target)
which = torch.randperm(1797)
fit, rest = which[:1350], which[1350:]
centre, spread = images[fit].mean(), images[fit].std()
images = (images - centre) / spread


def attack(net, x, y, eps):
    x = x.clone().requires_grad_(True)
    gain = -F.cross_entropy(net(x), y)
    gain.backward()
    return (x - eps * x.grad.sign()).detach()


net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.GroupNorm(4, 16), nn.SiLU(), nn.MaxPool2d(2),
                    nn.Conv2d(16, 24, 3, bias=False), nn.GroupNorm(4, 24), nn.SiLU(), nn.Flatten(), nn.Linear(96, 10))
opt = torch.optim.AdamW(net.parameters(), lr=4e-3)
one_cycle = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=8e-3, total_steps=6 * 27)
for epoch in range(6):
    for x, y in DataLoader(TensorDataset(images[fit], labels[fit]), batch_size=50, shuffle=True):
        half = len(x) // 2
        x = torch.cat([attack(net, x[:half], y[:half], 0.25), x[half:]])
        opt.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        one_cycle.step()
    print("epoch", epoch, "loss", loss.item(), "lr", one_cycle.get_last_lr()[0])
net.eval()
with torch.no_grad():
    accuracy = net(images[rest]).argmax(1).eq(labels[rest]).float().mean().item()
print("accuracy", accuracy)
