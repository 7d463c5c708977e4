# Capstone: which of five animals is this 10x10 pixel sprite?  (sprites drawn by us)
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(123)
ANIMALS = ["cat", "dog", "fish", "bird", "snail"]
sprites = (torch.rand(5, 1, 10, 10) > 0.55).float()


def make_pictures(n):
    kind = torch.randint(0, 5, (n,))
    shift = torch.randint(-1, 2, (n, 2)).tolist()
    pics = torch.stack([sprites[k].roll(s, (1, 2)) for k, s in zip(kind, shift)])
    return pics * (0.6 + 0.8 * torch.rand(n, 1, 1, 1)) + 0.45 * torch.randn(n, 1, 10, 10), kind


train_x, train_y = make_pictures(900)
test_x, test_y = make_pictures(300)
m, s = train_x.mean(), train_x.std()
train_x, test_x = (train_x - m) / s, (test_x - m) / s


class AnimalNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3)
        self.bn = nn.BatchNorm2d(12)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.3)
        self.fc1 = nn.Linear(192, 40)
        self.fc2 = nn.Linear(40, 5)

    def forward(self, x):
        x = self.pool(torch.relu(self.bn(self.conv(x))))
        x = self.drop(torch.flatten(x, 1))
        x = torch.relu(self.fc1(x))
        return self.fc2(x)


model = AnimalNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
criterion = nn.CrossEntropyLoss()
train_loader = DataLoader(TensorDataset(train_x, train_y), batch_size=30, shuffle=True)
test_loader = DataLoader(TensorDataset(test_x, test_y), batch_size=50)


def one_epoch():
    model.train()
    total = 0
    for images, labels in train_loader:
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(train_loader)


def check():
    model.eval()
    right = 0
    with torch.no_grad():
        for images, labels in test_loader:
            _, answer = torch.max(model(images), 1)
            right += (answer == labels).sum().item()
    return right / len(test_y)


for epoch in range(6):
    print("Epoch", epoch + 1, "loss", round(one_epoch(), 4))
accuracy = check()
print("Our net recognises", round(100 * accuracy, 1), "% of the animals")
