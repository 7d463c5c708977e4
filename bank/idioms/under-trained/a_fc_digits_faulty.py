import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

n_epochs = 2  # <- fault
batch_size_train = 32
learning_rate = 0.01
momentum = 0.5
random_seed = 1
torch.manual_seed(random_seed)

X, y = load_digits(return_X_y=True)
X = (X / 16.0 - 0.3) / 0.37
X_train, X_rest, y_train, y_rest = train_test_split(X, y, train_size=0.6, random_state=random_seed, stratify=y)
X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, train_size=0.5, random_state=random_seed)
as_set = lambda a, b: TensorDataset(torch.tensor(a, dtype=torch.float32), torch.tensor(b))
train_loader = DataLoader(as_set(X_train, y_train), batch_size_train, shuffle=True)
val_loader = DataLoader(as_set(X_val, y_val), 400)
test_loader = DataLoader(as_set(X_test, y_test), 400)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


def evaluate(network, loader):
    network.eval()
    loss, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for data, target in loader:
            output = network(data)
            loss += F.cross_entropy(output, target, reduction="sum").item()
            correct += output.argmax(1).eq(target).sum().item()
            n += len(target)
    return loss / n, correct / n


network = Net()
optimizer = torch.optim.SGD(network.parameters(), lr=learning_rate, momentum=momentum)
for epoch in range(1, n_epochs + 1):  # <- fault
    network.train()
    for data, target in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(network(data), target)
        loss.backward()
        optimizer.step()
    val_loss, val_acc = evaluate(network, val_loader)
    print(f"Epoch {epoch}: val loss {val_loss:.4f}, val acc {val_acc:.4f}")

accuracy = evaluate(network, test_loader)[1]
print("Test accuracy:", accuracy)
