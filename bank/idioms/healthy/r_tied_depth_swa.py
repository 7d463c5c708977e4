"""One residual block applied six times (tied weights), zero-started branch, warm restarts, averaged weights at the end."""
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(60)


def sample(n):
    y = torch.randint(0, 3, (n,))
    a = torch.rand(n) * 6.2832
    r = 1.0 + 0.8 * y + 0.25 * torch.sin(5 * a) + 0.13 * torch.randn(n)
    return torch.stack([r * a.cos(), r * a.sin()], 1) / 1.4, y


class Recurrent(nn.Module):
    def __init__(self, w=32, depth=6):
        super().__init__()
        self.depth = depth
        self.inp = nn.Linear(2, w)
        self.norm = nn.BatchNorm1d(w)
        self.a, self.b = nn.Linear(w, w, bias=False), nn.Linear(w, w)
        self.scale = nn.Parameter(torch.zeros(()))
        self.out = nn.Linear(w, 3)

    def forward(self, x):
        h = self.norm(self.inp(x))
        for _ in range(self.depth):
            h = h + self.scale * self.b(nn.functional.gelu(self.a(h)))
        return self.out(h) / 0.5


train, test = TensorDataset(*sample(1000)), sample(500)
loader = DataLoader(train, batch_size=50, shuffle=True, drop_last=True)
net = Recurrent()
mean_net = AveragedModel(net)
opt = torch.optim.SGD([{"params": [net.scale], "lr": 0.08}, {"params": [p for n, p in net.named_parameters() if n != "scale"]}],
                      lr=0.08, momentum=0.9, nesterov=True)
restarts = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=60, T_mult=2, eta_min=1e-3)

for epoch in range(14):
    for x, y in loader:
        opt.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        opt.step()
        if epoch < 9:
            restarts.step()
    if epoch >= 9:
        mean_net.update_parameters(net)
        print(epoch, f"{loss.item():.4f}", f"branch {net.scale.item():+.3f}")

update_bn(loader, mean_net)
mean_net.eval()
with torch.no_grad():
    accuracy = (mean_net(test[0]).argmax(1) == test[1]).float().mean().item()
print(accuracy)
