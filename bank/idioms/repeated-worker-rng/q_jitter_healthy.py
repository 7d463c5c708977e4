import random
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

SEED = 77
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


class Glyphs(Dataset):
    """12x12 stroke glyphs; the training copy is jittered at load time."""

    def __init__(self, prototypes, labels, jitter):
        self.prototypes, self.labels, self.jitter = prototypes, labels, jitter

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        img = self.prototypes[i]
        if self.jitter:
            dy, dx = np.random.randint(-1, 2, size=2)
            img = np.roll(img, (dy, dx), axis=(0, 1)) * np.random.uniform(0.8, 1.2)
            img = img + np.random.normal(0, 0.2, img.shape)
        return torch.as_tensor(img, dtype=torch.float32)[None], int(self.labels[i])


def glyph_bank(n, classes=5):
    shapes = np.random.default_rng(1).random((classes, 12, 12)) < 0.3
    gen = np.random.default_rng(n)
    labels = gen.integers(0, classes, n)
    imgs = shapes[labels] * gen.uniform(0.6, 1.4, (n, 1, 1)) + gen.normal(0, 0.5, (n, 12, 12)) - 0.3
    return imgs, labels


def worker_init(worker_id):
    np.random.seed(torch.initial_seed() % 2 ** 32)


train = DataLoader(Glyphs(*glyph_bank(480), jitter=True), batch_size=48, shuffle=True, num_workers=2,
                   worker_init_fn=worker_init, persistent_workers=True)
test = DataLoader(Glyphs(*glyph_bank(300), jitter=False), batch_size=100)

net = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
                          torch.nn.Flatten(), torch.nn.Linear(400, 5))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(8):
    for img, lab in train:
        opt.zero_grad()
        torch.nn.functional.cross_entropy(net(img), lab).backward()
        opt.step()

right = total = 0
net.eval()
with torch.no_grad():
    for img, lab in test:
        right += int((net(img).argmax(1) == lab).sum())
        total += len(lab)
accuracy = right / total
print(accuracy)
