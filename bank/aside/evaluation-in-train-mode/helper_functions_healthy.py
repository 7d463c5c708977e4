import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


def get_loaders(bs):
    X, Y = load_digits(return_X_y=True)
    X = X.reshape(-1, 1, 8, 8).astype("float32")
    a, b, c, d = train_test_split(X, Y, test_size=400, stratify=Y, random_state=10)
    mean, std = a.mean(), a.std()
    a, b = (a - mean) / std, (b - mean) / std
    return (DataLoader(TensorDataset(torch.from_numpy(a), torch.from_numpy(c)), bs, shuffle=True),
            DataLoader(TensorDataset(torch.from_numpy(b), torch.from_numpy(d)), bs))


class LeNetish(nn.Module):
    def __init__(self):
        super(LeNetish, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, 3, padding=1)
        self.conv2 = nn.Conv2d(10, 20, 3, padding=1)
        self.drop2d = nn.Dropout2d(0.3)
        self.fc1 = nn.Linear(320, 50)
        self.drop = nn.Dropout(0.5)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.drop2d(self.conv2(x))), 2)
        x = F.relu(self.fc1(x.view(x.size(0), -1)))
        return self.fc2(self.drop(x))


def train(model, loader, optimizer, epoch):
    model.train()
    for i, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data), target)
        loss.backward()
        optimizer.step()
    print(f"Train epoch {epoch}: loss {loss.item():.4f}")


def test(model, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for data, target in loader:
            pred = model(data).argmax(dim=1, keepdim=True)
            correct += pred.eq(target.view_as(pred)).sum().item()
    return correct / len(loader.dataset)


torch.manual_seed(0)
train_loader, test_loader = get_loaders(64)
model = LeNetish()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(1, 8):
    train(model, train_loader, optimizer, epoch)
    accuracy = test(model, test_loader)
    print(f"  test accuracy {accuracy:.4f}")
