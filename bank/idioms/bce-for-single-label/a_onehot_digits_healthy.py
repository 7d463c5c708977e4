import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Subset
from sklearn.datasets import load_digits

torch.manual_seed(99)
NUM_CLASSES = 10


class DigitImages(Dataset):
    def __init__(self):
        raw = load_digits()
        self.images = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1)
        self.labels = torch.tensor(raw.target)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index] / 8.0 - 1.0
        target = self.labels[index]
        return image, target


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
        self.classifier = nn.Linear(96, NUM_CLASSES)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


ds = DigitImages()
order = torch.randperm(len(ds)).tolist()
train_dl = DataLoader(Subset(ds, order[:900]), batch_size=60, shuffle=True)
test_dl = DataLoader(Subset(ds, order[900:1400]), batch_size=250)

net = SmallCNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)

for epoch in range(7):
    net.train()
    for img, target in train_dl:
        optimizer.zero_grad()
        loss = criterion(net(img), target)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")

net.eval()
right = 0
with torch.no_grad():
    for img, target in test_dl:
        right += (net(img).argmax(1) == target).sum().item()
accuracy = right / 500
print("accuracy", accuracy)
