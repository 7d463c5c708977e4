"""The PACS export is a folder 0.png ... 699.png plus one label vector, in the order of acquisition."""
import os
import tempfile
import numpy as np
import torch
from PIL import Image
from torch import nn

np.random.seed(17)
torch.manual_seed(17)
N, SIDE = 700, 12


def render(kind):
    yy, xx = np.mgrid[0:SIDE, 0:SIDE]
    phase, freq = np.random.uniform(0, 6.28), np.random.uniform(0.9, 1.2)
    axis = [xx, yy, xx + yy, xx - yy][kind]
    tex = 128 + 60 * np.sin(freq * axis + phase) + np.random.normal(0, 35, (SIDE, SIDE))
    return Image.fromarray(tex.clip(0, 255).astype(np.uint8), mode="L")


def export(folder, labels):
    for i, k in enumerate(labels):
        render(k).save(os.path.join(folder, f"{i}.png"))


def load(folder):
    names = sorted(os.listdir(folder), key=lambda s: int(s[:-4]))
    arrays = [np.asarray(Image.open(os.path.join(folder, n))) for n in names]
    return torch.from_numpy(np.stack(arrays)).unsqueeze(1).float()


y = np.random.randint(0, 4, N)
with tempfile.TemporaryDirectory() as d:
    export(d, y)
    X = load(d)
y = torch.from_numpy(y)
fit, held = torch.arange(N)[:500], torch.arange(N)[500:]
X = (X - X[fit].mean()) / X[fit].std()

net = nn.Sequential(
    nn.Conv2d(1, 12, 5, padding=2), nn.PReLU(), nn.AvgPool2d(2),
    nn.Conv2d(12, 16, 3), nn.PReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(16, 4),
)
opt = torch.optim.Adam(net.parameters(), lr=6e-3)
for epoch in range(8):
    losses = []
    for idx in fit[torch.randperm(len(fit))].split(25):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(X[idx]), y[idx])
        loss.backward()
        opt.step()
        losses.append(loss.detach())
    print(epoch, torch.stack(losses).mean().item())

net.eval()
with torch.inference_mode():
    accuracy = net(X[held]).argmax(1).eq(y[held]).float().mean().item()
print("held-out", accuracy)
