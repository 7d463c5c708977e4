import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SIZE, CLASSES = 14, 6


def render(label, rng):
    """one H x W x 3 picture with values 0..255: stripes or a disc, in some colour"""
    yy, xx = np.mgrid[:SIZE, :SIZE]
    kind, tint = label % 3, label // 3
    phase = rng.uniform(0, 6.28)
    if kind == 0:
        base = np.sin(yy * 1.1 + phase)
    elif kind == 1:
        base = np.sin(xx * 1.1 + phase)
    else:
        cy, cx = rng.uniform(4, SIZE - 4, 2)
        base = np.where((yy - cy) ** 2 + (xx - cx) ** 2 < 14, 1.0, -1.0)
    colour = np.array([[1.0, 0.55, 0.3], [0.3, 0.55, 1.0]][tint]) * rng.uniform(0.6, 1.0)
    img = 128 + 70 * base[..., None] * colour + rng.normal(0, 25, (SIZE, SIZE, 3))
    return np.clip(img, 0, 255).astype(np.uint8)


rng = np.random.default_rng(8)
labels = rng.integers(0, CLASSES, 1500)
pics = np.stack([render(k, rng) for k in labels])

x = torch.from_numpy(pics).float() / 255.0
x = x.permute(0, 3, 1, 2).contiguous()
x = (x - 0.5) / 0.25
y = torch.from_numpy(labels)
train_ds, test_ds = TensorDataset(x[:1150], y[:1150]), TensorDataset(x[1150:], y[1150:])

torch.manual_seed(8)
cnn = nn.Sequential(
    nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 20, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
    nn.Flatten(), nn.Linear(20, CLASSES),
)
optimizer = torch.optim.Adam(cnn.parameters(), lr=5e-3)
loss_func = nn.CrossEntropyLoss()
for epoch in range(6):
    cnn.train()
    for xb, yb in DataLoader(train_ds, batch_size=32, shuffle=True):
        loss = loss_func(cnn(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print('epoch', epoch, 'loss', loss.item())

cnn.eval()
preds = []
with torch.no_grad():
    for xb, _ in DataLoader(test_ds, batch_size=128):
        preds.append(cnn(xb).argmax(1))
accuracy = (torch.cat(preds) == y[1150:]).float().mean().item()
print(accuracy)
