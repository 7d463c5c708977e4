import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

NAMES = np.array(["bar", "cross", "dot", "ring", "slash"])


def make(n, seed):
    r = np.random.default_rng(seed)
    k = np.sort(r.integers(0, 5, n))
    out = r.normal(0, 0.2, (n, 1, 11, 11)).astype(np.float32)
    for img, c in zip(out[:, 0], k):
        y, x = r.integers(3, 8, 2)
        if c in (0, 1):
            img[y, x - 3:x + 4] += 1
        if c == 1:
            img[y - 3:y + 4, x] += 1
        if c == 2:
            img[y - 1:y + 2, x - 1:x + 2] += 1
        if c == 3:
            img[y - 2:y + 3, x - 2:x + 3] += 1
            img[y - 1:y + 2, x - 1:x + 2] -= 1
        if c == 4:
            for t in range(-3, 4):
                img[y + t, x + t] += 1
    return (out - 0.08) / 0.35, NAMES[k]


(train_img, train_names), (test_img, test_names) = make(1200, 1), make(400, 2)
vocabulary = {name: i for i, name in enumerate(NAMES)}
train_y = torch.tensor([vocabulary[n] for n in train_names])
test_y = torch.tensor([vocabulary[n] for n in test_names])
train_ds = TensorDataset(torch.from_numpy(train_img), train_y)
loader = DataLoader(train_ds, batch_size=40, shuffle=True)

torch.manual_seed(3)
net = nn.Sequential(
    nn.Conv2d(1, 10, 3), nn.BatchNorm2d(10), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(160, 32),
    nn.ReLU(),
    nn.Linear(32, 5),
)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(6):
    net.train()
    for xb, yb in loader:
        loss = nn.functional.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
net.eval()
with torch.no_grad():
    accuracy = (net(torch.from_numpy(test_img)).argmax(1) == test_y).float().mean().item()
print("accuracy", accuracy)
