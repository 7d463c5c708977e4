import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, Subset
from sklearn.datasets import load_digits


class RandomErase:
    def __call__(self, img):
        img = img.clone()
        r, c = torch.randint(0, 5, (2,)).tolist()
        img[:, r:r + 4, c:c + 4] = 0
        return img


class RandomShift:
    def __call__(self, img):
        dy, dx = torch.randint(-1, 2, (2,)).tolist()
        return torch.roll(img, (dy, dx), dims=(1, 2))


class DigitImages(Dataset):
    def __init__(self, transforms=()):
        d = load_digits()
        self.x = (torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) - 4.9) / 6.0
        self.y = torch.tensor(d.target)
        self.transforms = transforms

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        img = self.x[i]
        for t in self.transforms:
            img = t(img)
        return img, self.y[i]


torch.manual_seed(64)
full = DigitImages(transforms=[RandomShift(), RandomErase()])
plain = DigitImages()
perm = torch.randperm(len(full)).tolist()
n_val = 360
train_set, val_set = Subset(full, perm[n_val:]), Subset(plain, perm[:n_val])
train_loader = DataLoader(train_set, batch_size=48, shuffle=True)
val_loader = DataLoader(val_set, batch_size=90)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(24 * 16, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.Adam(model.parameters(), lr=1.5e-3)
crit = nn.CrossEntropyLoss()


def validate():
    model.eval()
    good = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            good += (model(xb).argmax(1) == yb).sum().item()
    return good / len(val_set)


for epoch in range(7):
    model.train()
    for xb, yb in train_loader:
        opt.zero_grad()
        loss = crit(model(xb), yb)
        loss.backward()
        opt.step()
    print(f"epoch {epoch}: loss {loss.item():.4f} val {validate():.4f}")
accuracy = validate()
