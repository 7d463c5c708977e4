"""Transfer: a trunk learnt on digits 0-4 is kept fixed (its norms stay in eval mode), a head learns 5-9 from it."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(501)
d = load_digits()
x = (torch.tensor(d.images, dtype=torch.float32)[:, None] - 4.88) / 6.0
y = torch.tensor(d.target)


class Trunk(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten())


class Transfer(nn.Module):
    def __init__(self, trunk):
        super().__init__()
        self.trunk = trunk.requires_grad_(False)
        self.head = nn.Linear(512, 5)

    def train(self, mode=True):
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, v):
        with torch.no_grad():
            f = self.trunk(v)
        return self.head(f)


def learn(model, data, epochs, lr):
    active = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.Adam(active, lr=lr)
    for _ in range(epochs):
        model.train()
        for a, b in DataLoader(data, batch_size=40, shuffle=True):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(model(a), b)
            loss.backward()
            opt.step()
        print("loss", round(loss.item(), 4))


low, high = (y < 5).nonzero().squeeze(1), (y >= 5).nonzero().squeeze(1)
source = nn.Sequential(Trunk(), nn.Linear(512, 5))
learn(source, TensorDataset(x[low], y[low]), 3, 3e-3)

high = high[torch.randperm(len(high))]
fit_ids, held_ids = high[:600], high[600:]
model = Transfer(source[0])
learn(model, TensorDataset(x[fit_ids], y[fit_ids] - 5), 4, 3e-3)
model.eval()
with torch.no_grad():
    accuracy = (model(x[held_ids]).argmax(1) == y[held_ids] - 5).float().mean().item()
print("accuracy", accuracy)
