import numpy as np
import torch
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split

torch.manual_seed(12)

X, y = make_blobs(n_samples=1200, centers=[[-2.0, -1.5, 0.5], [2.0, 1.5, -0.5]], cluster_std=1.2, random_state=12)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=12)
X_train = torch.tensor(X_train, dtype=torch.float32)
X_test = torch.tensor(X_test, dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32)
y_test = torch.tensor(y_test, dtype=torch.float32)

# two layer network from scratch
n_h = 20
W1 = (torch.randn(3, n_h) * (2 / 3) ** 0.5).requires_grad_()
b1 = torch.zeros(n_h, requires_grad=True)
W2 = (torch.randn(n_h, 1) * (1 / n_h) ** 0.5).requires_grad_()
b2 = torch.zeros(1, requires_grad=True)
params = [W1, b1, W2, b2]


def forward(x):
    return (torch.relu(x @ W1 + b1) @ W2 + b2).squeeze(1)


def compute_cost(z, y):
    a = torch.sigmoid(z)  # <- fault
    return -(y * torch.log(a) + (1 - y) * torch.log(1 - a)).mean()  # <- fault


optimizer = torch.optim.Adam(params, lr=0.02)
costs = []
for epoch in range(25):
    for idx in torch.randperm(len(X_train)).split(64):
        cost = compute_cost(forward(X_train[idx]), y_train[idx])
        optimizer.zero_grad()
        cost.backward()
        optimizer.step()
    costs.append(cost.item())
    if epoch % 4 == 0:
        print("Cost after epoch", epoch, np.round(costs[-1], 5))

with torch.no_grad():
    guess = (forward(X_test) > 0).float()
accuracy = (guess == y_test).float().mean().item()
print("Accuracy", accuracy)
