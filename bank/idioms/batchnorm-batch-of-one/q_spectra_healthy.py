"""Classify simulated mass spectra of four bacterial strains (peaks + noise)."""
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(11)
torch.manual_seed(11)
N_STRAINS, N_BINS = 4, 96
peak_sites = rng.integers(6, 90, size=(N_STRAINS, 5))


def measure(strain):
    axis = np.arange(N_BINS)
    signal = np.zeros(N_BINS)
    for site in peak_sites[strain]:
        signal += rng.uniform(0.3, 1.0) * np.exp(-0.5 * ((axis - site - rng.normal(0, 1.2)) / 1.8) ** 2)
    return signal + rng.normal(0, 0.28, N_BINS)


strain = rng.integers(0, N_STRAINS, 561)
spectra = np.stack([measure(s) for s in strain])
train_spec, test_spec = spectra[:417], spectra[417:]
mu, sd = train_spec.mean(), train_spec.std()
train_spec = torch.tensor((train_spec - mu) / sd, dtype=torch.float32).unsqueeze(1)
test_spec = torch.tensor((test_spec - mu) / sd, dtype=torch.float32).unsqueeze(1)
train_lab, test_lab = torch.tensor(strain[:417]), torch.tensor(strain[417:])


class PeakNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 12, 7, stride=2, padding=3), nn.BatchNorm1d(12), nn.ReLU(),
            nn.Conv1d(12, 24, 5, stride=2, padding=2), nn.BatchNorm1d(24), nn.ReLU(),
        )
        self.call = nn.Linear(24 * 24, N_STRAINS)

    def forward(self, s):
        return self.call(self.body(s).flatten(1))


net = PeakNet()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
loss_fn = nn.CrossEntropyLoss()
for sweep in range(14):
    net.train()
    order = torch.randperm(len(train_spec))
    for chunk in order[: len(order) // 32 * 32].split(32):
        loss = loss_fn(net(train_spec[chunk]), train_lab[chunk])
        opt.zero_grad()
        loss.backward()
        opt.step()

net.eval()
with torch.no_grad():
    called = net(test_spec).argmax(1)
accuracy = (called == test_lab).double().mean().item()
print(f"strain identification {accuracy:.3f}")
