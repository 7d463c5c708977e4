import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(400)
BATCH_SIZE = 1347  # <- fault
EPOCHS = 20
LEARNING_RATE = 0.05

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(digits.data / 16 - 0.5, digits.target, random_state=400)
train_ds = TensorDataset(torch.tensor(X_train, dtype=torch.float32), torch.tensor(y_train))
test_ds = TensorDataset(torch.tensor(X_test, dtype=torch.float32), torch.tensor(y_test))
train_loader = DataLoader(train_ds, batch_size=BATCH_SIZE, shuffle=True)  # <- fault
test_loader = DataLoader(test_ds, batch_size=len(test_ds))
print(len(train_ds), "training images")

model = nn.Sequential()
model.add_module("fc1", nn.Linear(64, 50))
model.add_module("act1", nn.SiLU())
model.add_module("fc2", nn.Linear(50, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)

for epoch in range(EPOCHS):
    model.train()
    summed, count = 0.0, 0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        summed += loss.item() * xb.shape[0]
        count += xb.shape[0]
    if (epoch + 1) % 4 == 0:
        print("epoch %3d  loss %.4f" % (epoch + 1, summed / count))

model.eval()
with torch.no_grad():
    for xb, yb in test_loader:
        accuracy = (model(xb).argmax(1) == yb).float().mean().item()
print("test accuracy %.4f" % accuracy)
