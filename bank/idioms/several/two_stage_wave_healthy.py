import math
import torch
from torch import nn

torch.manual_seed(88)
KINDS = 4


def chirps(n):
    k = torch.randint(0, KINDS, (n,))
    t = torch.linspace(0, 1, 48)
    start = 2 + torch.rand(n, 1)
    slope = torch.tensor([0.0, 4.0, 8.0, 12.0])[k][:, None] + torch.randn(n, 1) * 0.6
    wave = torch.sin(2 * math.pi * (start * t + 0.5 * slope * t ** 2) + 6.28 * torch.rand(n, 1))
    return (wave + 0.3 * torch.randn(n, 48)).unsqueeze(1), k


class ConvStack(nn.Module):
    def __init__(self, ch=16):
        super().__init__()
        self.feat = nn.Sequential(nn.Conv1d(1, ch, 7, 2), nn.GELU(), nn.Conv1d(ch, ch, 5, 2), nn.GELU())
        self.fc1 = nn.Linear(ch * 9, 32)
        self.fc2 = nn.Linear(32, KINDS)

    def forward(self, x):
        f = self.feat(x)
        return self.fc2(nn.functional.gelu(self.fc1(f.flatten(1))))


def criterion(out, target):
    return nn.functional.nll_loss(out.log_softmax(1), target)


wave, kind = chirps(1500)
wave_te, kind_te = chirps(500)
spread = wave.std()
wave, wave_te = wave / spread, wave_te / spread
net = ConvStack()
opt = torch.optim.AdamW([{"params": net.feat.parameters()}, {"params": net.fc1.parameters()},
                         {"params": net.fc2.parameters()}], lr=3e-3)
for epoch in range(10):
    mean = 0.0
    for rows in torch.randperm(1500).split(60):
        value = criterion(net(wave[rows]), kind[rows])
        opt.zero_grad()
        value.backward()
        opt.step()
        mean += value.item() / 25
    print(epoch, round(mean, 4))
net.eval()
with torch.no_grad():
    accuracy = (net(wave_te).argmax(1) == kind_te).float().mean().item()
print("accuracy", accuracy)
