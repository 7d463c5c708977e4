import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import LambdaLR

torch.manual_seed(19)
WARM = 12


def spiral(n, arms=3, noise=0.12):
    k = torch.arange(n) % arms
    r = torch.rand(n).sqrt() * 2 + 0.2
    a = r * 2.2 + k * 2 * torch.pi / arms
    pts = torch.stack([r * a.cos(), r * a.sin()], 1)
    return pts + noise * torch.randn(n, 2), k


def fourier(x, freq):
    proj = x @ freq
    return torch.cat([proj.sin(), proj.cos()], dim=1)


class Classifier(torch.nn.Module):
    def __init__(self, n_freq=24):
        super().__init__()
        self.register_buffer("freq", torch.randn(2, n_freq))
        self.h = torch.nn.Linear(2 * n_freq, 40)
        self.o = torch.nn.Linear(40, 3)

    def forward(self, x):
        return self.o(F.softplus(self.h(fourier(x, self.freq))))


x, k = spiral(1500)
x_te, k_te = spiral(600)
clf = Classifier()
optimizer = torch.optim.Adam(clf.parameters(), lr=0.01)
ramp = LambdaLR(optimizer, lambda it: min(it, WARM) // (WARM + 1))  # <- fault
for it in range(240):
    rows = torch.randint(len(x), (50,))
    loss = F.cross_entropy(clf(x[rows]), k[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()  # <- fault
    ramp.step()
    if it % 60 == 0:
        print(it, loss.item())
clf.eval()
with torch.no_grad():
    accuracy = (clf(x_te).argmax(1) == k_te).float().mean().item()
print("accuracy", accuracy)
