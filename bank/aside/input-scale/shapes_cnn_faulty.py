"""Tell circles, squares, crosses and stripes apart on tiny camera-like pictures."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

torch.manual_seed(11)
rng = np.random.default_rng(11)


def draw(kind):
    img = rng.normal(60, 18, (14, 14))
    cy, cx = rng.integers(5, 9, 2)
    yy, xx = np.mgrid[:14, :14]
    if kind == 0:
        on = np.abs(np.hypot(yy - cy, xx - cx) - 3.5) < 0.8
    elif kind == 1:
        on = np.maximum(abs(yy - cy), abs(xx - cx)) == 3
    elif kind == 2:
        on = ((yy == cy) | (xx == cx)) & (np.maximum(abs(yy - cy), abs(xx - cx)) < 5)
    else:
        on = (yy + cx) % 4 == 0
    img[on] += rng.uniform(90, 160)
    return img.clip(0, 255).astype(np.uint8)


class Shapes(Dataset):
    def __init__(self, n):
        self.kinds = rng.integers(0, 4, n)
        self.images = [draw(k) for k in self.kinds]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        pixels = torch.from_numpy(self.images[i]).float().unsqueeze(0)  # <- fault
        return pixels, int(self.kinds[i])


train_set, held_out = Shapes(900), Shapes(300)
net = nn.Sequential(
    nn.Conv2d(1, 8, 3), nn.Tanh(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3), nn.Tanh(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(64, 4),
)
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(6):
    net.train()
    running = 0.0
    for pictures, kinds in DataLoader(train_set, batch_size=30, shuffle=True):
        sgd.zero_grad()
        loss = criterion(net(pictures), kinds)
        loss.backward()
        sgd.step()
        running += loss.item()
    print("epoch", epoch, "loss", round(running / 30, 4))

net.eval()
right = 0
with torch.no_grad():
    for pictures, kinds in DataLoader(held_out, batch_size=100):
        right += (net(pictures).argmax(1) == kinds).sum().item()
accuracy = right / len(held_out)
print("held-out accuracy", accuracy)
