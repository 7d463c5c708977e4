import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(18)
digits = load_digits()
X = (digits.images - digits.images.mean()) / digits.images.std()
X_train, X_test, y_train, y_test = train_test_split(X, digits.target, test_size=0.28, random_state=18)
order = y_train.argsort()
X_train, y_train = X_train[order], y_train[order]
train_ds = TensorDataset(torch.tensor(X_train).float().unsqueeze(1), torch.tensor(y_train))
test_ds = TensorDataset(torch.tensor(X_test).float().unsqueeze(1), torch.tensor(y_test))
train_dl = DataLoader(train_ds, batch_size=64, shuffle=False)  # <- fault: unshuffled-training
test_dl = DataLoader(test_ds, batch_size=30, shuffle=False)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 10, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(10, 20, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(80, 60), nn.ReLU(), nn.Dropout(0.5), nn.Linear(60, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


model = CNN()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=0.004)


def evaluate(loader):
    correct = total = 0
    with torch.no_grad():
        for images, labels in loader:
            predicted = model(images).argmax(1)  # <- fault: evaluation-in-train-mode
            correct += (predicted == labels).sum().item()
            total += labels.size(0)
    return correct / total


for epoch in range(9):
    model.train()
    for images, labels in train_dl:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "last loss", round(loss.item(), 4))
accuracy = evaluate(test_dl)
print("accuracy", accuracy)
