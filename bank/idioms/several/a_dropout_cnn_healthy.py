import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(10)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8) / 16.0
X_train, X_test, y_train, y_test = train_test_split(X, torch.tensor(y), test_size=0.2, random_state=10)
train_loader = DataLoader(TensorDataset(X_train, y_train), batch_size=48, shuffle=True)
test_loader = DataLoader(TensorDataset(X_test, y_test), batch_size=60, shuffle=False)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 24, 3, padding=1)
        self.drop = nn.Dropout(0.4)
        self.fc1 = nn.Linear(96, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(F.relu(self.fc1(self.drop(x.flatten(1)))))
        return self.fc2(x)


model = CNN()
loss_func = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.004)


def train(num_epochs):
    model.train()
    for epoch in range(num_epochs):
        for images, labels in train_loader:
            output = model(images)
            loss = loss_func(output, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print("Epoch [{}/{}], Loss: {:.4f}".format(epoch + 1, num_epochs, loss.item()))


def test():
    model.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in test_loader:
            test_output = model(images)
            correct += (test_output.argmax(1) == labels).sum().item()
    return correct / len(y_test)


train(7)
accuracy = test()
print("Test Accuracy of the model: %.4f" % accuracy)
