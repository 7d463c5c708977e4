import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits

SEED = 1234


def jitter(img):
    dy, dx = np.random.randint(-1, 2, size=2)
    out = np.roll(img, (dy, dx), axis=(0, 1))
    return out + np.random.normal(0, 0.05, img.shape)


class Digits(Dataset):
    def __init__(self, images, labels, augment):
        self.images, self.labels, self.augment = images, labels, augment

    def __len__(self):
        return len(self.images)

    def __getitem__(self, idx):
        img = self.images[idx]
        if self.augment:
            img = jitter(img)
        return torch.tensor((img - 0.3) / 0.38, dtype=torch.float32), int(self.labels[idx])


def seed_worker(worker_id):
    np.random.seed(torch.initial_seed() % 2 ** 32)


def main():
    torch.manual_seed(SEED)
    np.random.seed(SEED)
    d = load_digits()
    order = np.random.permutation(len(d.target))
    images, labels = d.images[order] / 16, d.target[order]
    train = Digits(images[:1200], labels[:1200], augment=True)
    test = Digits(images[1200:], labels[1200:], augment=False)
    train_loader = DataLoader(train, batch_size=48, shuffle=True, num_workers=2, worker_init_fn=seed_worker)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(12):
        model.train()
        for xb, yb in train_loader:
            opt.zero_grad()
            loss = loss_fn(model(xb), yb)
            loss.backward()
            opt.step()
        print("epoch", epoch, "loss", loss.item())
    model.eval()
    with torch.no_grad():
        hits = sum((model(xb).argmax(1) == yb).sum().item() for xb, yb in DataLoader(test, batch_size=200))
    return hits / len(test)


if __name__ == "__main__":
    accuracy = main()
    print("accuracy", accuracy)
