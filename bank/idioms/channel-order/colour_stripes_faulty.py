"""Colour pictures kept as N x H x W x 3 bytes, as an image reader gives them."""
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(40)
torch.manual_seed(40)
KINDS = 6


def picture(kind):
    yy, xx = np.mgrid[0:12, 0:12].astype(float)
    axis = xx if kind % 2 == 0 else yy
    wave = np.sin(axis * rng.uniform(0.8, 1.2) + rng.uniform(0, 6.28))
    img = np.repeat(120 + 10 * rng.normal(size=(12, 12, 1)), 3, axis=2)
    img[:, :, kind // 2] += 55 * wave
    img += rng.normal(0, 16, img.shape)
    return np.clip(img, 0, 255).astype(np.uint8)


def dataset(n):
    kinds = rng.integers(0, KINDS, n)
    return np.stack([picture(k) for k in kinds]), kinds


def to_input(pics):
    x = torch.from_numpy(pics).float().div(255)
    x = (x - 0.47) / 0.15
    return x.reshape(len(x), 3, 12, 12)  # <- fault


net = nn.Sequential(
    nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, KINDS))

pics, kinds = dataset(900)
held_pics, held_kinds = dataset(300)
x, y = to_input(pics), torch.from_numpy(kinds)
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
for epoch in range(4):
    net.train()
    for b in np.array_split(rng.permutation(len(x)), 25):
        loss = nn.functional.cross_entropy(net(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss %.4f" % loss.item())

net.eval()
with torch.no_grad():
    pred = net(to_input(held_pics)).argmax(1).numpy()
accuracy = float(np.mean(pred == held_kinds))
print("accuracy", accuracy)
