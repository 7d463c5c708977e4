"""Only six of the digits; compact conv model with a partial-built head."""
from functools import partial

import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

KEEP = (1, 3, 4, 6, 7, 9)
conv3 = partial(nn.Conv2d, kernel_size=3, padding=1)


def subset(bunch, keep):
    lut = {d: i for i, d in enumerate(keep)}
    mask = np.isin(bunch.target, keep)
    return bunch.images[mask], np.array([lut[d] for d in bunch.target[mask]])


bunch = load_digits()
images, labels = subset(bunch, KEEP)
n_classes = len(np.unique(labels))

torch.manual_seed(8)
perm = np.random.default_rng(8).permutation(len(labels))
images = torch.tensor(images[perm], dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(labels[perm])
n = int(0.7 * len(labels))
images = (images - images[:n].mean()) / images[:n].std()

net = nn.Sequential(
    conv3(1, 8), nn.GroupNorm(2, 8), nn.ReLU(),
    conv3(8, 16, stride=2), nn.GroupNorm(4, 16), nn.ReLU(),
    nn.AdaptiveAvgPool2d(2), nn.Flatten(),
    nn.Linear(64, n_classes),
)
opt = torch.optim.AdamW(net.parameters(), lr=1e-2)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 20))
for epoch in range(7):
    net.train()
    for idx in torch.randperm(n).split(40):
        loss = nn.functional.cross_entropy(net(images[idx]), labels[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        warm.step()
    print(epoch, f"{loss.item():.4f}")

net.eval()
with torch.no_grad():
    scores = net(images[n:]).numpy()
accuracy = float((scores.argmax(1) == labels[n:].numpy()).mean())
print("accuracy", accuracy)
