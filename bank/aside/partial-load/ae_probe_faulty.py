"""Pretrain an autoencoder on unlabelled digits, then train a small classifier on the few labelled ones."""
import io
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(15)


def backbone():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 20), nn.ReLU())


class AutoEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = backbone()
        self.decoder = nn.Linear(20, 64)

    def forward(self, x):
        return self.decoder(self.encoder(x))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = backbone()
        self.top = nn.Linear(20, 10)

    def forward(self, x):
        return self.top(self.body(x))


d = load_digits()
order = torch.randperm(1797)
x = torch.tensor(d.data, dtype=torch.float32)[order]
y = torch.tensor(d.target)[order]
x = (x - x[:1400].mean()) / x[:1400].std()
unlabelled, few_x, few_y, test_x, test_y = x[:1400], x[:300], y[:300], x[1400:], y[1400:]

ae = AutoEncoder()
opt = torch.optim.Adam(ae.parameters(), lr=3e-3)
for epoch in range(8):
    for part in torch.randperm(1400).split(70):
        opt.zero_grad()
        nn.functional.mse_loss(ae(unlabelled[part]), unlabelled[part]).backward()
        opt.step()

disk = io.BytesIO()
torch.save(ae.state_dict(), disk)
disk.seek(0)

clf = Classifier()
weights = torch.load(disk)
clf.load_state_dict(weights, strict=False)  # <- fault
clf.body.requires_grad_(False)
opt = torch.optim.Adam(clf.top.parameters(), lr=2e-2)
for epoch in range(25):
    for part in torch.randperm(300).split(50):
        opt.zero_grad()
        nn.functional.cross_entropy(clf(few_x[part]), few_y[part]).backward()
        opt.step()

clf.eval()
with torch.no_grad():
    accuracy = (clf(test_x).argmax(1) == test_y).float().mean().item()
print("accuracy", accuracy)
