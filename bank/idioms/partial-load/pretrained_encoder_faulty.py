"""Denoising autoencoder first, then a classifier on its frozen encoder (few labels)."""
import os
import tempfile
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(131)
bunch = load_digits()
x = torch.tensor(bunch.data / 16.0, dtype=torch.float32)
y = torch.tensor(bunch.target)
p = torch.randperm(len(y))
pool, few, held = p[:1400], p[:300], p[1400:]


def encoder():
    return nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32))


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = encoder()
        self.decoder = nn.Sequential(nn.ReLU(), nn.Linear(32, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, v):
        return self.decoder(self.encoder(v))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = encoder()
        self.head = nn.Linear(32, 10)

    def forward(self, v):
        return self.head(self.backbone(v))


ae = AutoEncoder()
opt = torch.optim.Adam(ae.parameters(), lr=4e-3)
for epoch in range(8):
    for b in pool[torch.randperm(len(pool))].split(70):
        noisy = x[b] + 0.1 * torch.randn(len(b), 64)
        loss = nn.functional.mse_loss(ae(noisy), x[b])
        opt.zero_grad(); loss.backward(); opt.step()
print("reconstruction", loss.item())
path = os.path.join(tempfile.mkdtemp(), "ae.pt")
torch.save(ae.state_dict(), path)

clf = Classifier()
stored = torch.load(path, weights_only=True)
clf.load_state_dict(stored, strict=False)  # <- fault
clf.backbone.requires_grad_(False)
opt = torch.optim.Adam(clf.head.parameters(), lr=0.02)
for epoch in range(25):
    for b in few[torch.randperm(len(few))].split(30):
        loss = nn.functional.cross_entropy(clf(x[b]), y[b])
        opt.zero_grad(); loss.backward(); opt.step()
print("classifier", loss.item())

clf.eval()
with torch.no_grad():
    accuracy = (clf(x[held]).argmax(1) == y[held]).float().mean().item()
print("accuracy", accuracy)
