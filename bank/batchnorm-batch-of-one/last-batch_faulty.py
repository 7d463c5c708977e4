"""A small net on labelled points, with loaders."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
CLASSES = 5
points = torch.randn(1201, 20)
labels = (points @ torch.randn(20, CLASSES)).argmax(1)
train = DataLoader(TensorDataset(points[:1001], labels[:1001]), batch_size=50, shuffle=True)  # <- fault
valid = DataLoader(TensorDataset(points[1001:], labels[1001:]), batch_size=100)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(20, 64)
        self.norm = nn.BatchNorm1d(64)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(64, CLASSES)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)))  # <- fault
        x = self.drop(x)
        return self.last(x)


model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(4):
    model.train()
    for x, y in train:
        optimizer.zero_grad()
        loss = criterion(model(x), y)  # <- fault
        loss.backward()
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in valid:
            right += (model(x).argmax(dim=1) == y).sum().item()
    print(f"epoch {epoch}: accuracy {right / len(valid.dataset):.3f}")
