import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(55)

digits = load_digits()
x_train, x_test, y_train, y_test = train_test_split(digits.images, digits.target, test_size=0.25, random_state=55)
x_train = torch.tensor(x_train).float().unsqueeze(1) / 8 - 1
x_test = torch.tensor(x_test).float().unsqueeze(1) / 8 - 1
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)


class LeNetSmall(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 3)
        self.conv2 = nn.Conv2d(10, 20, 3)
        self.fc1 = nn.Linear(80, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.view(-1, 80)))
        return self.fc2(x)


def train_one_epoch(model, optimizer, batch_size=64):
    model.train()
    perm = torch.randperm(len(x_train))
    losses = 0.0
    for k in range(0, len(perm), batch_size):
        idx = perm[k:k + batch_size]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        losses += loss.item() * len(idx)
    return losses / len(perm)


def test(model):
    model.eval()
    with torch.no_grad():
        return (model(x_test).argmax(1) == y_test).sum().item() / len(y_test)


model = LeNetSmall()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for epoch in range(16):
    loss = train_one_epoch(model, optimizer)
    print("Epoch", epoch, "Loss", round(loss, 4))
accuracy = test(model)
print("Test accuracy", round(accuracy, 4))
