import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(13)


def signals(n, length=40):
    """One of four wave forms, random frequency, phase and noise."""
    kind = torch.randint(0, 4, (n,))
    t = torch.linspace(0, 1, length)
    phase = torch.rand(n, 1)
    cyc = (t * (2 + 2 * torch.rand(n, 1)) + phase) % 1.0
    forms = torch.stack([torch.sin(2 * torch.pi * cyc), 2 * cyc - 1, (cyc > 0.5).float() * 2 - 1,
                         4 * (cyc - 0.5).abs() - 1], 1)
    wave = forms[torch.arange(n), kind]
    return (wave + 0.15 * torch.randn_like(wave)).unsqueeze(1), kind


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv1d(1, 12, 5), nn.ReLU(), nn.Conv1d(12, 16, 5, stride=2), nn.ReLU(),
                                 nn.Conv1d(16, 16, 3), nn.ReLU())

    def forward(self, w):
        z = self.net(w)
        return torch.cat([z.mean(-1), z.amax(-1)], 1)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, w):
        features = self.encoder(w)
        return self.head(features)


train_w, train_k = signals(1500)
test_w, test_k = signals(500)
clf = Classifier()
opt = torch.optim.Adam(clf.parameters(), lr=4e-3)
for epoch in range(8):
    clf.train()
    for i in torch.randperm(1500).split(50):
        loss = F.cross_entropy(clf(train_w[i]), train_k[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
clf.eval()
with torch.no_grad():
    accuracy = clf(test_w).argmax(1).eq(test_k).float().mean().item()
print("accuracy", accuracy)
