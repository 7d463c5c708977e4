import torch
import torch.nn as nn
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(90)

X, y = make_circles(n_samples=1400, noise=0.08, factor=0.5, random_state=90)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=90)
X_train, X_test = map(lambda a: torch.tensor(a * 1.4, dtype=torch.float32), (X_train, X_test))
y_train, y_test = map(lambda a: torch.tensor(a, dtype=torch.float32), (y_train, y_test))


class CircleNet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.stack = nn.Sequential(
            nn.Linear(2, width), nn.ELU(),
            nn.Linear(width, width), nn.ELU(),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.stack(x).squeeze(-1)


def binary_accuracy(logits, target):
    return ((logits > 0) == (target > 0.5)).float().mean().item()


model = CircleNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=42, shuffle=True)
for epoch in range(1, 13):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    if epoch % 3 == 0:
        print("epoch", epoch, "loss", loss.item())

model.eval()
with torch.no_grad():
    accuracy = binary_accuracy(model(X_test), y_test)
print("accuracy", accuracy)
