"""Encoder first trained as an autoencoder, then a head is fitted on top and the whole is tuned."""
import torch
from torch import nn
import torch.nn.functional as F

g = torch.Generator().manual_seed(512)
torch.manual_seed(512)


def curves(n):
    kind = torch.randint(4, (n,), generator=g)
    t = torch.linspace(-1, 1, 24).expand(n, -1)
    amp = 0.8 + 0.6 * torch.rand(n, 1, generator=g)
    sign = torch.where(torch.rand(n, 1, generator=g) < 0.5, -1.0, 1.0)
    bank = torch.stack([t.abs() - 0.5, t, torch.sin(6 * t), torch.cos(6 * t)], 1)
    wave = bank[torch.arange(n), kind] * amp * sign
    return wave + 0.25 * torch.randn(n, 24, generator=g), kind


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(24, 32), nn.Linear(32, 12))  # <- fault: no-nonlinearity
        self.decoder = nn.Linear(12, 24)

    def forward(self, w):
        return self.decoder(self.encoder(w))


x, y = curves(1000)
xt, yt = curves(400)
ae = AutoEncoder()
opt1 = torch.optim.Adam(ae.parameters(), lr=5e-3)
for _ in range(4):
    for idx in torch.randperm(1000, generator=g).split(50):
        opt1.zero_grad()
        F.mse_loss(ae(x[idx]), x[idx]).backward()
        opt1.step()

encoder, bridge = ae.encoder, nn.Linear(12, 16)
head = nn.Linear(16, 4)  # <- fault: no-nonlinearity
opt2 = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=5e-3)  # <- fault: parameters-missing-from-optimizer
model = nn.Sequential(encoder, bridge, head)  # <- fault: no-nonlinearity
for round_ in range(10):
    model.train()
    for idx in torch.randperm(1000, generator=g).split(40):
        opt2.zero_grad()
        F.cross_entropy(model(x[idx]), y[idx]).backward()
        opt2.step()

model.eval()
with torch.no_grad():
    accuracy = (model(xt).argmax(1) == yt).float().mean().item()
print("accuracy", accuracy)
