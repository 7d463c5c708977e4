import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split

torch.manual_seed(77)
NUM_CLASSES = 8

X, y = make_blobs(n_samples=1200, centers=NUM_CLASSES, n_features=5, cluster_std=2.0, random_state=3)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=3)
m, s = X_train.mean(axis=0), X_train.std(axis=0)
X_train = torch.FloatTensor((X_train - m) / s)
X_test = torch.FloatTensor((X_test - m) / s)
y_train = torch.LongTensor(y_train)
y_test = torch.LongTensor(y_test)

model = nn.Sequential(
    nn.Linear(5, 40),
    nn.ReLU(),
    nn.Linear(40, NUM_CLASSES),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for epoch in range(18):
    permutation = torch.randperm(X_train.shape[0])
    total_loss = 0.0
    for i in range(0, X_train.shape[0], 30):
        batch_idx = permutation[i:i + 30]
        outputs = model(X_train[batch_idx])
        targets = nn.functional.one_hot(y_train[batch_idx], NUM_CLASSES).float()
        loss = criterion(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total_loss += loss.item()
    if epoch % 3 == 0:
        print("Epoch: %d, loss: %.4f" % (epoch, total_loss / 28))

model.eval()
with torch.no_grad():
    _, predicted = torch.max(model(X_test), 1)
accuracy = (predicted == y_test).sum().item() / y_test.size(0)
print("Accuracy: %.3f" % accuracy)
