import torch
import torch.nn as nn
from sklearn.datasets import make_moons
from torch.utils.data import TensorDataset, DataLoader

torch.manual_seed(6)

X, y = make_moons(n_samples=1500, noise=0.15, random_state=6)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).view(-1, 1)
split = int(0.8 * len(X))
train_loader = DataLoader(TensorDataset(X[:split], y[:split]), batch_size=64, shuffle=True)
X_test, y_test = X[split:], y[split:]


class BinaryClassifier(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.fc1 = nn.Linear(2, hidden_size)
        self.fc2 = nn.Linear(hidden_size, hidden_size)
        self.fc3 = nn.Linear(hidden_size, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.relu(self.fc1(x))
        x = self.relu(self.fc2(x))
        return self.fc3(x)


model = BinaryClassifier(32)
loss_function = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

n_total_steps = len(train_loader)
for epoch in range(10):
    for i, (points, labels) in enumerate(train_loader):
        # Forward pass
        outputs = model(points)
        loss = loss_function(outputs, labels)

        # Backward and optimize
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        if (i + 1) % 10 == 0:
            print(f'Epoch [{epoch + 1}/10], Step [{i + 1}/{n_total_steps}], Loss: {loss.item():.4f}')

with torch.no_grad():
    predicted = (torch.sigmoid(model(X_test)) > 0.5).float()
    n_correct = (predicted == y_test).sum().item()
accuracy = n_correct / len(y_test)
print(f'Accuracy of the network on {len(y_test)} points: {100 * accuracy} %')
