import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

g = torch.Generator().manual_seed(201)
torch.manual_seed(201)


def shuffle_together(*arrays):
    order = torch.randperm(len(arrays[0]), generator=g)
    return [a[order] for a in arrays]


pixels, digit = (torch.as_tensor(v) for v in load_digits(return_X_y=True))
pixels = (pixels.float() - 4.88) / 6.0
held = torch.zeros(len(digit), dtype=torch.bool)
held[torch.randperm(len(digit), generator=g)[:350]] = True
held_x, held_y = pixels[held], digit[held]
fit_x, fit_y = shuffle_together(pixels[~held], digit[~held])


class Maxout(nn.Module):
    def __init__(self, i, o, pieces=3):
        super().__init__()
        self.o, self.lin = o, nn.Linear(i, o * pieces)

    def forward(self, x):
        return self.lin(x).unflatten(1, (self.o, -1)).amax(2)


net = nn.Sequential(Maxout(64, 40), nn.Dropout(0.1), Maxout(40, 30), nn.Linear(30, 10))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
pos = 0
for step in range(220):
    if pos + 60 > len(fit_x):
        fit_x, fit_y = (lambda o: (fit_x[o], fit_y[o]))(torch.randperm(len(fit_x), generator=g))
        pos = 0
    xb, yb = fit_x[pos:pos + 60], fit_y[pos:pos + 60]
    pos += 60
    net.train()
    loss = F.cross_entropy(net(xb), yb)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 44 == 43:
        print(step + 1, f"{loss.item():.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(held_x).argmax(1) == held_y).sum().item() / len(held_y)
print("accuracy", accuracy)
