import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(88)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8) / 16
x = (x - x[:1400].mean()) / x[:1400].std()
y = torch.tensor(y)
perm = torch.randperm(len(x))
tr, te = perm[:1400], perm[1400:]
trainloader = DataLoader(TensorDataset(x[tr], y[tr]), batch_size=56, shuffle=True)
testloader = DataLoader(TensorDataset(x[te], y[te]), batch_size=200)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc1 = nn.Linear(16, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        return self.fc2(F.relu(self.fc1(x)))


net = LeNet()
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)  # <- fault

for epoch in range(10):
    running_loss = 0.0
    for i, (inputs, labels) in enumerate(trainloader):
        optimizer.zero_grad()
        loss = criterion(net(inputs), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()  # <- fault
        running_loss += loss.item()
    print(f"[{epoch + 1}] lr: {optimizer.param_groups[0]['lr']:.6f} loss: {running_loss / (i + 1):.3f}")

net.eval()
correct = total = 0
with torch.no_grad():
    for images, labels in testloader:
        correct += (net(images).argmax(1) == labels).sum().item()
        total += len(labels)
accuracy = correct / total
print("Accuracy:", accuracy)
