import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(38)
bunch = load_digits()
X = torch.tensor(bunch.data, dtype=torch.float32)
Y = torch.tensor(bunch.target)
perm = torch.randperm(len(X))
X, Y = X[perm] / 16, Y[perm]
X = X - X[:1000].mean(0)
unlabelled, (Xl, Yl), (Xt, Yt) = X[:1000], (X[1000:1250], Y[1000:1250]), (X[1250:], Y[1250:])

encoder = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 16), nn.Tanh())
decoder = nn.Sequential(nn.Linear(16, 48), nn.Tanh(), nn.Linear(48, 64))
opt = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=5e-3)
for epoch in range(12):
    for idx in torch.randperm(1000).split(50):
        rec = decoder(encoder(unlabelled[idx]))
        loss = nn.functional.mse_loss(rec, unlabelled[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
print("reconstruction error", loss.item())


class Probe(nn.Module):
    """A linear read-out of the learned code; the encoder itself must stay as it is."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.encoder.requires_grad = False  # <- fault
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head(self.encoder(x))


probe = Probe(encoder)
opt = torch.optim.Adam([p for p in probe.parameters() if p.requires_grad], lr=2e-2)
for epoch in range(25):
    for idx in torch.randperm(250).split(25):
        opt.zero_grad()
        nn.functional.cross_entropy(probe(Xl[idx]), Yl[idx]).backward()
        opt.step()

probe.eval()
with torch.no_grad():
    accuracy = (probe(Xt).argmax(1) == Yt).float().mean().item()
print("probe accuracy", accuracy)
