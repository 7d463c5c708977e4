import itertools
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(241)
b = load_digits()
x = torch.tensor(b.images, dtype=torch.float32).unsqueeze(1) / 16
x = (x - 0.305) / 0.376
y = torch.tensor(b.target)
keep = torch.randperm(len(y))
fit_set = TensorDataset(x[keep[:1400]], y[keep[:1400]])
end_x, end_y = x[keep[1400:]], y[keep[1400:]]


def stream(dataset, size, seed):
    g = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size=size, shuffle=True, generator=g)
    for _ in itertools.count():
        yield from loader


class ConvMixer(nn.Module):
    def __init__(self, dim=20):
        super().__init__()
        self.patch = nn.Conv2d(1, dim, 2, stride=2)
        self.depth = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
        self.point = nn.Conv2d(dim, dim, 1)
        self.head = nn.Linear(dim * 16, 10)

    def forward(self, v):
        h = nn.functional.gelu(self.patch(v))
        h = h + nn.functional.gelu(self.depth(h))
        h = nn.functional.gelu(self.point(h))
        return self.head(h.flatten(1))


net = ConvMixer()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
TOTAL = 150
feed = stream(fit_set, 64, seed=7)
for step in range(TOTAL):
    xb, yb = next(stream(fit_set, 64, seed=7))  # <- fault
    net.train()
    loss = nn.functional.cross_entropy(net(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if (step + 1) % 30 == 0:
        print(f"step {step + 1}/{TOTAL} loss {loss.item():.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(end_x).argmax(1) == end_y).float().mean().item()
print("accuracy", accuracy)
