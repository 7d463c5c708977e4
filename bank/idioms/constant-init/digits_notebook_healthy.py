import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(7)
np.random.seed(7)

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(
    digits.data, digits.target, test_size=0.25, random_state=7, stratify=digits.target)
mu, sd = X_train.mean(), X_train.std()
X_train = torch.tensor((X_train - mu) / sd, dtype=torch.float32)
X_test = torch.tensor((X_test - mu) / sd, dtype=torch.float32)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)


def weights_init(m):
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight)
        nn.init.zeros_(m.bias)


model = nn.Sequential(
    nn.Linear(64, 48), nn.ReLU(),
    nn.Linear(48, 32), nn.ReLU(),
    nn.Linear(32, 10),
)
model.apply(weights_init)

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

batch_size = 64
history = []
for epoch in range(14):
    order = torch.randperm(len(X_train))
    running = 0.0
    for i in range(0, len(order), batch_size):
        idx = order[i:i + batch_size]
        optimizer.zero_grad()
        loss = criterion(model(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    history.append(running / len(order))
    print(f"epoch {epoch + 1:2d}  loss {history[-1]:.4f}")

model.eval()
with torch.no_grad():
    accuracy = (model(X_test).argmax(dim=1) == y_test).float().mean().item()
print("test accuracy", accuracy)
