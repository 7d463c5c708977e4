import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(121)

images, labels = load_digits(return_X_y=True)
tr_i, va_i, tr_l, va_l = train_test_split(images, labels, test_size=0.25, random_state=121, stratify=labels)


def to_dataset(i, l):
    return TensorDataset(torch.tensor(i / 16.0, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(l))


train_loader = DataLoader(to_dataset(tr_i, tr_l), batch_size=50, shuffle=True, drop_last=True)
valid_loader = DataLoader(to_dataset(va_i, va_l), batch_size=150)


class ResBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.f = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(),
                               nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return torch.relu(x + self.f(x))


model = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), ResBlock(8),
    nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(128, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
max_norm = 0.001  # <- fault: clipping-too-tight


def validate():
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in valid_loader:
            correct += (model(x).argmax(1) == y).sum().item()
    return correct / len(valid_loader.dataset)


model.train()  # <- fault: training-in-eval-mode
for epoch in range(5):
    for x, y in train_loader:  # <- fault: training-in-eval-mode
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)  # <- fault: clipping-too-tight
        optimizer.step()
    accuracy = validate()
    print(f"epoch {epoch} loss {loss.item():.4f} val acc {accuracy:.4f}")
