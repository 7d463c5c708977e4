"""After the well-known first example: log_softmax in forward, nll_loss outside, a test function."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn import datasets
from torch import optim
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, 3)
        self.conv2 = nn.Conv2d(10, 20, 3)
        self.fc1 = nn.Linear(80, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = x.view(-1, 80)
        x = F.relu(self.fc1(x))
        x = F.dropout(x)  # <- fault
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


def train(epoch, model, train_loader, optimizer):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        optimizer.zero_grad()
        output = model(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        if batch_idx % 10 == 0:
            print("Train Epoch: {} [{}/{}]\tLoss: {:.6f}".format(epoch, batch_idx, len(train_loader), loss.item()))


def test(model, test_loader):
    model.eval()
    test_loss = 0
    correct = 0
    with torch.no_grad():
        for data, target in test_loader:
            output = model(data)
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            pred = output.data.max(1, keepdim=True)[1]
            correct += pred.eq(target.data.view_as(pred)).sum().item()
    test_loss /= len(test_loader.dataset)
    print("Test set: average loss {:.4f}, accuracy {}/{}".format(test_loss, correct, len(test_loader.dataset)))


torch.manual_seed(1)
digits = datasets.load_digits()
data = torch.from_numpy(digits.images).float()[:, None] / 16
target = torch.from_numpy(digits.target).long()
data = (data - 0.3) / 0.38
train_loader = DataLoader(TensorDataset(data[:1400], target[:1400]), batch_size=64, shuffle=True)
test_loader = DataLoader(TensorDataset(data[1400:], target[1400:]), batch_size=200)
network = Net()
optimizer = optim.SGD(network.parameters(), lr=0.05, momentum=0.5)
for epoch in range(1, 4):
    train(epoch, network, train_loader, optimizer)
    test(network, test_loader)
