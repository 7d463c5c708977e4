import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch.utils.data import DataLoader, Dataset


class Compose:
    def __init__(self, ts):
        self.ts = ts

    def __call__(self, x):
        for t in self.ts:
            x = t(x)
        return x


def to_tensor(img):
    return torch.from_numpy(np.asarray(img, dtype=np.float32)).permute(2, 0, 1) / 255


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = torch.tensor(mean).view(-1, 1, 1), torch.tensor(std).view(-1, 1, 1)

    def __call__(self, x):
        return (x - self.mean) / self.std


train_tf = Compose([to_tensor, Normalize([0.55, 0.50, 0.42], [0.12, 0.12, 0.12])])
test_tf = Compose([to_tensor, Normalize([0.55, 0.50, 0.42], [0.12, 0.12, 0.12])])


class Icons(Dataset):
    def __init__(self, n, seed, transform):
        r = np.random.RandomState(seed)
        self.items, self.transform = [], transform
        for _ in range(n):
            k = int(r.randint(4))
            noise = r.normal((140, 128, 107), 12, (16, 16, 3)).clip(0, 255).astype(np.uint8)
            im = Image.fromarray(noise)
            pen = ImageDraw.Draw(im)
            x, y, s = r.randint(1, 7), r.randint(1, 7), r.randint(6, 9)
            ink = tuple(int(v) for v in r.randint(150, 210, 3))
            box = [x, y, x + s, y + s]
            if k < 2:
                [pen.rectangle, pen.ellipse][k](box, fill=ink)
            else:
                pen.line(box if k == 2 else [x, y + s // 2, x + s, y + s // 2], fill=ink, width=2)
            self.items.append((im, k))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        im, k = self.items[i]
        return self.transform(im), k


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 16, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        return self.fc(F.max_pool2d(F.relu(self.c2(x)), 2).flatten(1))


torch.manual_seed(14)
train_loader = DataLoader(Icons(1000, 1, train_tf), batch_size=32, shuffle=True)
test_loader = DataLoader(Icons(300, 2, test_tf), batch_size=100)
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for ep in range(5):
    net.train()
    for x, y in train_loader:
        loss = F.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(ep, loss.item())
net.eval()
with torch.no_grad():
    good = sum((net(x).argmax(1) == y).sum().item() for x, y in test_loader)
accuracy = good / len(test_loader.dataset)
print("accuracy", accuracy)
