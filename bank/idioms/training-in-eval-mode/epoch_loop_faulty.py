import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

torch.manual_seed(17)
digits = load_digits()
x = torch.tensor(digits.images).float().unsqueeze(1) / 16
y = torch.tensor(digits.target)
shuffle = torch.randperm(len(x), generator=torch.Generator().manual_seed(2))
x, y = x[shuffle], y[shuffle]
x = (x - x[:1200].mean()) / x[:1200].std()
loaders = {
    "train": DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=50, shuffle=True),
    "val": DataLoader(TensorDataset(x[1200:1500], y[1200:1500]), batch_size=100),
    "test": DataLoader(TensorDataset(x[1500:], y[1500:]), batch_size=100),
}

net = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Dropout(0.3), nn.Linear(24 * 4, 10),
)


def evaluate(split):
    net.eval()  # <- fault
    good = n = 0
    with torch.no_grad():
        for xb, yb in loaders[split]:
            good += (net(xb).argmax(1) == yb).sum().item()
            n += len(yb)
    return good / n


criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
print("before training:", evaluate("val"))
for epoch in range(7):  # <- fault
    running = 0.0
    for xb, yb in loaders["train"]:  # <- fault
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)  # <- fault
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(epoch, round(running / len(loaders["train"]), 4), evaluate("val"))

accuracy = evaluate("test")
print("test accuracy:", accuracy)
