"""Digit patches cut out of larger canvases by their annotation boxes."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from sklearn.datasets import load_digits
from torch.utils.data import Dataset, DataLoader

SEED = 77
np.random.seed(SEED)
torch.manual_seed(SEED)


def compose_canvases(images, n):
    canvases, boxes = [], []
    for k in range(n):
        im = Image.new("L", (40, 40), 0)
        left, top = 10 * np.random.randint(0, 4, 2)
        im.paste(Image.fromarray((images[k] * 15).astype(np.uint8)), (int(left), int(top)))
        canvases.append(im)
        boxes.append((int(left), int(top), 8, 8))
    return canvases, boxes


class PatchSet(Dataset):
    def __init__(self, canvases, boxes, labels):
        self.items = list(zip(canvases, boxes, labels))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        im, (bx, by, w, h), label = self.items[i]
        a = np.asarray(im, dtype=np.float32)
        patch = a[by:by + h, bx:bx + w]
        return torch.from_numpy((patch / 255.0 - 0.29) / 0.35)[None], int(label)


class SmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3, padding=1)
        self.c2 = nn.Conv2d(16, 24, 3, stride=2, padding=1)
        self.fc = nn.Linear(24 * 16, 10)

    def forward(self, x):
        x = F.leaky_relu(self.c1(x), 0.1)
        x = F.leaky_relu(self.c2(x), 0.1)
        return self.fc(x.flatten(1))


raw = load_digits()
perm = np.random.permutation(len(raw.target))
canv, boxes = compose_canvases(raw.images[perm], len(perm))
lab = raw.target[perm]
train_set = PatchSet(canv[:1300], boxes[:1300], lab[:1300])
test_set = PatchSet(canv[1300:], boxes[1300:], lab[1300:])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = DataLoader(test_set, batch_size=128)

net = SmallNet()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(4):
    running = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(yb)
    print(epoch, "train loss", round(running / len(train_set), 4))

net.eval()
correct = 0
with torch.no_grad():
    for xb, yb in test_loader:
        correct += int((net(xb).argmax(1) == yb).sum())
accuracy = correct / len(test_set)
print("accuracy", accuracy)
