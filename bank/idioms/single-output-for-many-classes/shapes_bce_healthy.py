import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

rs = np.random.RandomState(17)
torch.manual_seed(17)


def draw(kind):
    """0 disc, 1 square, 2 cross on a 10 x 10 canvas."""
    img = np.zeros((10, 10), np.float32)
    r, c = rs.randint(3, 7, 2)
    if kind == 0:
        yy, xx = np.ogrid[:10, :10]
        img[(yy - r) ** 2 + (xx - c) ** 2 <= 6] = 1
    elif kind == 1:
        img[r - 2:r + 3, c - 2:c + 3] = 1
        img[r - 1:r + 2, c - 1:c + 2] = 0
    else:
        img[r, c - 3:c + 4] = 1
        img[max(r - 3, 0):r + 4, c] = 1
    return img + rs.normal(0, 0.35, img.shape).astype(np.float32)


class Shapes(Dataset):
    def __init__(self, n):
        self.kind = rs.randint(0, 3, n)
        self.img = np.stack([draw(k) for k in self.kind])
        self.img = (self.img - 0.19) / 0.52

    def __len__(self):
        return len(self.kind)

    def __getitem__(self, i):
        return self.img[i][None], self.kind[i]


net = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 16, 3, stride=2), nn.ReLU(), nn.Flatten(),
                    nn.Linear(16 * 9, 3))
measure = nn.CrossEntropyLoss()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
train, test = Shapes(900), Shapes(400)
for epoch in range(4):
    for img, kind in DataLoader(train, 30, shuffle=True):
        out = net(img)
        loss = measure(out, kind)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())

good = 0
net.eval()
for img, kind in DataLoader(test, 100):
    with torch.no_grad():
        guess = net(img).argmax(1)
    good += (guess == kind).sum().item()
accuracy = good / len(test)
print(accuracy)
