# Images come folder by folder: circle/, square/, stripes/, noise/ (made here instead of read from disk)
from collections import OrderedDict
import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader
from PIL import Image, ImageDraw


class FolderLike(Dataset):
    names = ("circle", "square", "stripes", "diagonal")

    def __init__(self, per_class, seed):
        rs = np.random.RandomState(seed)
        self.items = []
        for label, name in enumerate(self.names):
            for _ in range(per_class):
                self.items.append((self.paint(name, rs), label))

    @staticmethod
    def paint(name, rs):
        im = Image.new("L", (14, 14), 30)
        pen = ImageDraw.Draw(im)
        a, b = rs.randint(1, 5, 2)
        if name == "circle":
            pen.ellipse((a, b, a + 8, b + 8), outline=200)
        elif name == "square":
            pen.rectangle((a, b, a + 8, b + 8), outline=200)
        elif name == "stripes":
            for row in range(b, 14, 4):
                pen.line((a, row, a + 8, row), fill=200)
        else:
            pen.line((a, b, a + 8, b + 8), fill=200, width=2)
        noisy = np.asarray(im, dtype=np.float32) + 45 * rs.randn(14, 14)
        return (noisy.astype(np.float32) - 55.0) / 75.0

    def __getitem__(self, i):
        arr, label = self.items[i]
        return torch.from_numpy(arr).unsqueeze(0), label

    def __len__(self):
        return len(self.items)


torch.manual_seed(64)
train = DataLoader(FolderLike(200, seed=1), batch_size=20, shuffle=True)
test = DataLoader(FolderLike(80, seed=2), batch_size=80, shuffle=False)
net = nn.Sequential(OrderedDict(
    conv1=nn.Conv2d(1, 8, 3, padding=1), act1=nn.ReLU(), pool1=nn.MaxPool2d(2),
    conv2=nn.Conv2d(8, 16, 3, padding=1), act2=nn.ReLU(), pool2=nn.AdaptiveAvgPool2d(2),
    flat=nn.Flatten(), out=nn.Linear(64, 4)))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

for epoch in range(8):
    net.train()
    curve = []
    for img, lab in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(img), lab)
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    print(f"{epoch}: mean {np.mean(curve):.3f}  last {curve[-1]:.3f}")

net.eval()
with torch.no_grad():
    accuracy = sum((net(img).argmax(1) == lab).sum().item() for img, lab in test) / len(test.dataset)
print("accuracy", accuracy)
