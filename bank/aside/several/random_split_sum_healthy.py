import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader, Subset
from sklearn.datasets import load_digits


class DigitSet(Dataset):
    def __init__(self, augment):
        raw = load_digits()
        self.img = torch.tensor(raw.images / 8.0 - 1.0, dtype=torch.float32)[:, None]
        self.lab = torch.tensor(raw.target)
        self.augment = augment

    def __len__(self):
        return len(self.lab)

    def __getitem__(self, i):
        im = self.img[i]
        if self.augment:
            im = torch.roll(im, tuple(torch.randint(-1, 2, (2,)).tolist()), dims=(1, 2))
            im = im + 0.5 * torch.randn_like(im)
        return im, self.lab[i]


torch.manual_seed(61)
ids = torch.randperm(1797).tolist()
noisy = DigitSet(augment=True)
train = Subset(noisy, ids[:1200])
holdout = Subset(DigitSet(augment=False), ids[1200:])

cnn = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1), nn.LeakyReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 20, 3, padding=1), nn.LeakyReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(80, 10))
loss_fn = nn.CrossEntropyLoss()
sgd = torch.optim.SGD(cnn.parameters(), lr=0.03, momentum=0.9)

for epoch in range(8):
    cnn.train()
    log = []
    for im, lab in DataLoader(train, batch_size=40, shuffle=True):
        sgd.zero_grad()
        loss = loss_fn(cnn(im), lab)
        loss.backward()
        sgd.step()
        log.append(loss.item())
    print("epoch", epoch, "loss", np.mean(log))

cnn.eval()
ok = n = 0
with torch.no_grad():
    for im, lab in DataLoader(holdout, batch_size=128):
        ok += (cnn(im).argmax(1) == lab).sum().item()
        n += len(lab)
accuracy = ok / n
print("accuracy", accuracy)
