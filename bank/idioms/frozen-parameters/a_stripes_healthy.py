import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(29)


def stripes(n, seed):
    g = torch.Generator().manual_seed(seed)
    label = torch.randint(0, 5, (n,), generator=g)
    pos = torch.arange(10).float()
    yy, xx = torch.meshgrid(pos, pos, indexing="ij")
    angle = label.float() * 3.1416 / 5
    wave = torch.cos(angle)[:, None, None] * xx + torch.sin(angle)[:, None, None] * yy
    shift = 6.2832 * torch.rand(n, 1, 1, generator=g)
    return (torch.sin(1.3 * wave + shift) + 0.5 * torch.randn(n, 10, 10, generator=g)).unsqueeze(1), label


class StripeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 8, 5), nn.ReLU(), nn.Conv2d(8, 12, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        return self.head(self.backbone(x))

    def set_trainable(self, flag):
        for module in self.backbone:
            module.requires_grad_(flag)

    def warm_head(self):
        for p in self.backbone.parameters():
            p.requires_grad = False


x, y = stripes(900, 3)
x_held, y_held = stripes(300, 4)
loader = DataLoader(TensorDataset(x, y), batch_size=45, shuffle=True)
net = StripeNet()
optimizer = torch.optim.Adam(net.parameters(), lr=8e-3)
criterion = nn.CrossEntropyLoss()

net.warm_head()
for epoch in range(9):
    if epoch == 1:
        net.set_trainable(True)
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}  loss {total / len(loader):.4f}")

with torch.no_grad():
    accuracy = (net(x_held).argmax(dim=1) == y_held).float().mean().item()
print("held-out accuracy", accuracy)
