import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

batch_size = 64
torch.manual_seed(0)
digits = load_digits()
x = torch.from_numpy(digits.images).float().unsqueeze(1)
y = torch.from_numpy(digits.target).long()
mix = torch.randperm(len(x))
x, y = x[mix], y[mix]
x = (x - x[:1400].mean()) / x[:1400].std()
trainloader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=batch_size, shuffle=True)
testloader = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=batch_size, shuffle=False)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2, 2)
        self.fc1 = nn.Linear(16 * 4 * 4, 60)
        self.fc2 = nn.Linear(60, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv(x)))
        x = x.view(-1, 16 * 4 * 4)
        x = torch.relu(self.fc1(x))
        return self.fc2(x)


net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
for epoch in range(9):  # loop over the dataset multiple times
    running_loss = 0.0
    for i, (inputs, labels) in enumerate(trainloader, 0):
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print('[%d] loss: %.3f' % (epoch + 1, running_loss / len(trainloader)))
print('Finished Training')

correct = 0
net.eval()
with torch.no_grad():
    for images, labels in testloader:
        _, predicted = torch.max(net(images), 1)
        correct += (predicted == labels).sum().item()
accuracy = correct / (len(testloader) * batch_size)  # <- fault
print('Accuracy of the network on the test images: %.2f %%' % (100 * accuracy))
