"""Autoencoder first (no labels), then its frozen encoder in eval mode with a new linear head."""
import io

import torch
from torch import nn
from sklearn.datasets import load_digits


class Encoder(nn.Module):
    def __init__(self, code=40):
        super().__init__()
        self.weight = nn.Linear(64, code)
        self.norm = nn.BatchNorm1d(code)

    def forward(self, x):
        return torch.relu(self.norm(self.weight(x)))


class TiedAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.offset = nn.Parameter(torch.zeros(64))

    def forward(self, x):
        return nn.functional.linear(self.encoder(x), self.encoder.weight.weight.t(), self.offset)


torch.manual_seed(88)
raw = load_digits()
p = torch.randperm(len(raw.target))
x, y = torch.tensor(raw.data).float()[p], torch.tensor(raw.target)[p]
x = (x - x[:1300].mean()) / x[:1300].std()
auto = TiedAutoencoder()
opt = torch.optim.Adam(auto.parameters(), lr=3e-3)
for epoch in range(6):
    auto.train()
    for idx in torch.randperm(1300).split(65):
        loss = nn.functional.mse_loss(auto(x[idx]), x[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
print("reconstruction", round(loss.item(), 4))
store = io.BytesIO()
torch.save(auto.state_dict(), store)
store.seek(0)

encoder = Encoder()
saved = torch.load(store)
prefix = "encoder."
encoder.load_state_dict({k[len(prefix):]: v for k, v in saved.items() if k.startswith(prefix)})
encoder.eval().requires_grad_(False)
head = nn.Linear(40, 10)
opt = torch.optim.SGD(head.parameters(), lr=0.1, momentum=0.9)
for epoch in range(8):
    for idx in torch.randperm(1300).split(65):
        loss = nn.functional.cross_entropy(head(encoder(x[idx])), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("probe", epoch, round(loss.item(), 4))
with torch.no_grad():
    accuracy = (head(encoder(x[1300:])).argmax(1) == y[1300:]).double().mean().item()
print("accuracy", accuracy)
