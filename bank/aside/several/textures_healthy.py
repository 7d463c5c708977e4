# Texture patches (16x16) of four kinds; small batch-norm CNN
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(808)
rs = np.random.RandomState(808)


def patch(kind):
    yy, xx = np.mgrid[0:16, 0:16]
    f, ph = rs.uniform(0.7, 1.1), rs.uniform(0, 6.28)
    base = {0: np.sin(f * xx + ph), 1: np.sin(f * yy + ph), 2: np.sin(f * (xx + yy) + ph),
            3: np.sign(np.sin(f * xx + ph) * np.sin(f * yy))}[kind]
    return base + 0.7 * rs.randn(16, 16)


def block_of(per_kind):
    imgs = np.stack([patch(k) for k in range(4) for _ in range(per_kind)])
    return torch.tensor(imgs, dtype=torch.float32)[:, None], torch.arange(4).repeat_interleave(per_kind)


x_train, y_train = block_of(200)
x_test, y_test = block_of(60)
mix = torch.from_numpy(rs.permutation(len(y_test)))
x_test, y_test = x_test[mix], y_test[mix]
mu, sd = x_train.mean(), x_train.std()
train = TensorDataset((x_train - mu) / sd, y_train)
test = TensorDataset((x_test - mu) / sd, y_test)
train_loader = DataLoader(train, batch_size=32, shuffle=True)
test_loader = DataLoader(test, batch_size=16)

model = nn.Sequential(
    nn.Conv2d(1, 8, 5, stride=2, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
    nn.Conv2d(8, 16, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(16, 4))
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(9):
    model.train()
    tot = 0.0
    for xb, yb in train_loader:
        loss = nn.functional.cross_entropy(model(xb), yb)
        opt.zero_grad(); loss.backward(); opt.step()
        tot += loss.item() * len(yb)
    print(epoch, tot / len(train))

model.eval()
hits = 0
with torch.no_grad():
    for xb, yb in test_loader:
        hits += (model(xb).argmax(1) == yb).sum().item()
accuracy = hits / len(test)
print("acc", accuracy)
