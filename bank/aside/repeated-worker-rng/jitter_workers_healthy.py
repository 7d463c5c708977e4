import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

SEED = 33


class JitteredDigits(Dataset):
    """Random shift by one pixel and some noise, drawn with NumPy in the loading processes."""

    def __init__(self, images, labels, train):
        self.images, self.labels, self.train = images, labels, train

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        img = self.images[i]
        if self.train:
            dy, dx = np.random.randint(-1, 2, size=2)
            img = np.roll(img, (dy, dx), axis=(0, 1)) + np.random.normal(0, 0.15, img.shape)
        return torch.as_tensor(img, dtype=torch.float32)[None], int(self.labels[i])


def seed_worker(worker_id):
    np.random.seed(torch.initial_seed() % 2 ** 32)


class ConvNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = torch.nn.Conv2d(1, 10, 3, padding=1)
        self.c2 = torch.nn.Conv2d(10, 14, 3, padding=1)
        self.fc = torch.nn.Linear(14 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.fc(x.flatten(1))


torch.manual_seed(SEED)
digits = load_digits()
perm = np.random.RandomState(SEED).permutation(len(digits.target))
fit, held = perm[:1200], perm[1200:]
mu, sd = digits.images[fit].mean(), digits.images[fit].std()
scaled = (digits.images - mu) / sd
train_loader = DataLoader(JitteredDigits(scaled[fit], digits.target[fit], True), batch_size=40, shuffle=True,
                          num_workers=2, worker_init_fn=seed_worker, persistent_workers=True)
test_loader = DataLoader(JitteredDigits(scaled[held], digits.target[held], False), batch_size=200)

net = ConvNet()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(8):
    net.train()
    for image, label in train_loader:
        opt.zero_grad()
        loss = F.cross_entropy(net(image), label)
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", loss.item())
net.eval()
with torch.no_grad():
    hits = sum((net(image).argmax(1) == label).sum().item() for image, label in test_loader)
accuracy = hits / len(held)
print("accuracy", accuracy)
