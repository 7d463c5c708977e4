import math
import torch
import torch.nn as nn
from torch.utils.data import TensorDataset, DataLoader, random_split

# three interleaved spirals
torch.manual_seed(0)
N_PER_CLASS = 500
points, labels = [], []
for c in range(3):
    r = torch.rand(N_PER_CLASS) * 0.9 + 0.1
    t = r * 4.5 + c * 2 * math.pi / 3 + torch.randn(N_PER_CLASS) * 0.12
    points.append(torch.stack([r * torch.cos(t), r * torch.sin(t)], dim=1))
    labels.append(torch.full((N_PER_CLASS,), c))
X = torch.cat(points)
X = X / X.std()
y = torch.cat(labels)

dataset = TensorDataset(X, y)
train_set, test_set = random_split(dataset, [1100, 400])
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=200)

EPOCHS = 2  # <- fault


class SpiralNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(2, 64)
        self.hidden2 = nn.Linear(64, 64)
        self.output = nn.Linear(64, 3)

    def forward(self, x):
        x = torch.relu(self.hidden1(x))
        x = torch.relu(self.hidden2(x))
        return self.output(x)


model = SpiralNet()
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.002)

for epoch in range(EPOCHS):  # <- fault
    model.train()
    total = 0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = loss_function(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * xb.size(0)
    print("epoch", epoch + 1, "loss", total / len(train_set))

model.eval()
right = 0
with torch.no_grad():
    for xb, yb in test_loader:
        right += (model(xb).argmax(1) == yb).sum().item()
accuracy = right / len(test_set)
print("accuracy:", accuracy)
