import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import TensorDataset, DataLoader

torch.manual_seed(0)
NUM_EPOCHS, BATCH_SIZE, LEARNING_RATE = 6, 64, 0.01


class ConvBlock(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel_size=3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(cout, momentum=0.0005)  # <- fault

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.b1 = ConvBlock(1, 8)
        self.b2 = ConvBlock(8, 16)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 4, 10)

    def forward(self, x):
        x = self.pool(self.b1(x))
        x = self.pool(self.b2(x))
        return self.fc(x.flatten(1))


digits = load_digits()
x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
mean, std = x[:1440].mean(), x[:1440].std()
x = (x - mean) / std
train_loader = DataLoader(TensorDataset(x[:1440], y[:1440]), BATCH_SIZE, shuffle=True)
test_loader = DataLoader(TensorDataset(x[1440:], y[1440:]), BATCH_SIZE)

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
net = Net().to(device)
optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)

for epoch in range(NUM_EPOCHS):
    net.train()
    for i, (images, labels) in enumerate(train_loader):
        images, labels = images.to(device), labels.to(device)
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"Epoch [{epoch + 1}/{NUM_EPOCHS}], Loss: {loss.item():.4f}")

net.eval()
with torch.no_grad():
    correct = 0
    for images, labels in test_loader:
        correct += (net(images.to(device)).argmax(dim=1).cpu() == labels).sum().item()
accuracy = correct / len(test_loader.dataset)
print(f"Test accuracy: {100 * accuracy:.2f} %")
