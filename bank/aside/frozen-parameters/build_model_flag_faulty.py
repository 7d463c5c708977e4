import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Subset, TensorDataset


class Backbone(nn.Module):
    def __init__(self, c=6):
        super().__init__()
        self.stem = nn.Conv2d(1, c, 3, stride=2, padding=1)
        self.block = nn.Conv2d(c, c, 3, stride=2, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        return self.pool(torch.relu(self.block(torch.relu(self.stem(x))))).flatten(1)


def build_model(num_classes, freeze_backbone=False, c=24):
    backbone = Backbone(c)
    if freeze_backbone:
        for prm in backbone.parameters():
            prm.requires_grad = False  # <- fault
    return nn.Sequential(backbone, nn.Linear(c, num_classes))


torch.manual_seed(99)
d = load_digits()
imgs = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1)
imgs = (imgs - 4.88) / 6.02
ds = TensorDataset(imgs, torch.tensor(d.target))
ids = torch.randperm(len(ds)).tolist()
train_loader = DataLoader(Subset(ds, ids[:1400]), batch_size=40, shuffle=True)
test_loader = DataLoader(Subset(ds, ids[1400:]), batch_size=200)

model = build_model(10, freeze_backbone=True)  # <- fault
trainable = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.Adam(trainable, lr=1e-2)
criterion = nn.CrossEntropyLoss()

for epoch in range(8):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")

model.eval()
preds, truth = [], []
with torch.no_grad():
    for xb, yb in test_loader:
        preds.extend(model(xb).argmax(1).tolist())
        truth.extend(yb.tolist())
accuracy = sum(p == t for p, t in zip(preds, truth)) / len(truth)
print(accuracy)
