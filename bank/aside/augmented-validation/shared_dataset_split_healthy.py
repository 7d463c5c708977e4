import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import Dataset, DataLoader, Subset
from sklearn.datasets import load_digits

torch.manual_seed(3)


def random_shift_and_noise(img):
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    img = torch.roll(img, shifts=(dx, dy), dims=(1, 2))
    return img + 0.45 * torch.randn_like(img)


class Digits(Dataset):
    def __init__(self, transform=None):
        raw = load_digits()
        self.images = (torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) - 4.88) / 6.0
        self.labels = torch.tensor(raw.target)
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        img = self.images[idx]
        if self.transform is not None:
            img = self.transform(img)
        return img, self.labels[idx]


augmented = Digits(transform=random_shift_and_noise)
plain = Digits()
indices = torch.randperm(len(augmented)).tolist()
train_ds = Subset(augmented, indices[:1344])
val_ds = Subset(plain, indices[1344:])
train_loader = DataLoader(train_ds, batch_size=64, shuffle=True)
val_loader = DataLoader(val_ds, batch_size=151, shuffle=False)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3, padding=1)
        self.c2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.fc(torch.flatten(x, 1))


model = ConvNet()
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
for epoch in range(11):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
    model.eval()
    correct = 0
    with torch.no_grad():
        for xb, yb in val_loader:
            correct += (model(xb).argmax(1) == yb).sum().item()
    accuracy = correct / len(val_ds)
    print("epoch", epoch, "validation accuracy", round(accuracy, 4))
