import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def draw(kind, colour, rng, size=16):
    img = rng.normal(0.35, 0.05, (size, size, 3))
    r, c = rng.integers(2, size - 8, 2)
    h = rng.integers(5, 7)
    if kind == 0:
        img[r:r + h, c:c + h, colour] += 0.5
    elif kind == 1:
        img[r:r + h, c:c + 2, colour] += 0.6
    else:
        img[r:r + 2, c:c + h, colour] += 0.6
    return img


rng = np.random.default_rng(19)
torch.manual_seed(19)
kinds = rng.integers(0, 3, 1200)
colours = rng.integers(0, 3, 1200)
images = np.stack([draw(k, c, rng) for k, c in zip(kinds, colours)]).astype(np.float32)
target = torch.from_numpy(kinds * 3 + colours)

images = torch.from_numpy(images)
print("loaded", tuple(images.shape))
batch_first = images.reshape(len(images), 3, 16, 16)  # <- fault
mean = batch_first[:900].mean((0, 2, 3), keepdim=True)
std = batch_first[:900].std((0, 2, 3), keepdim=True)
batch_first = (batch_first - mean) / std

train = DataLoader(TensorDataset(batch_first[:900], target[:900]), batch_size=45, shuffle=True)
test = DataLoader(TensorDataset(batch_first[900:], target[900:]), batch_size=150)


def conv_block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


net = nn.Sequential(conv_block(3, 12), nn.MaxPool2d(2), conv_block(12, 24), nn.AdaptiveMaxPool2d(2),
                    nn.Flatten(), nn.Linear(96, 9))
opt = torch.optim.AdamW(net.parameters(), lr=4e-3)
for epoch in range(6):
    net.train()
    for xb, yb in train:
        loss = nn.functional.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()

net.eval()
with torch.no_grad():
    ok = sum((net(xb).argmax(1) == yb).sum().item() for xb, yb in test)
accuracy = ok / len(target[900:])
print("accuracy on unseen drawings:", accuracy)
