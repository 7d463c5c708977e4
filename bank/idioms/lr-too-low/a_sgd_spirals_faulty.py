import numpy as np
import torch

torch.manual_seed(0)
rng = np.random.RandomState(0)

# spiral data, cs231n style
N, D, K = 500, 2, 3
X = np.zeros((N * K, D))
y = np.zeros(N * K, dtype='int64')
for j in range(K):
    ix = range(N * j, N * (j + 1))
    r = np.linspace(0.05, 1, N)
    t = np.linspace(j * 4, (j + 1) * 4 - 0.6, N) + rng.randn(N) * 0.15
    X[ix] = np.c_[r * np.sin(t), r * np.cos(t)]
    y[ix] = j
order = rng.permutation(N * K)
X, y = X[order] / X.std(), y[order]
X_train, y_train = torch.tensor(X[:1200], dtype=torch.float32), torch.tensor(y[:1200])
X_test, y_test = torch.tensor(X[1200:], dtype=torch.float32), torch.tensor(y[1200:])

h = 100
model = torch.nn.Sequential(
    torch.nn.Linear(D, h),
    torch.nn.ReLU(),
    torch.nn.Linear(h, h),
    torch.nn.ReLU(),
    torch.nn.Linear(h, K),
)
learning_rate = 1e-5  # <- fault
criterion = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9, weight_decay=1e-5)  # <- fault

for t in range(480):
    batch = torch.randint(0, 1200, (128,))
    y_pred = model(X_train[batch])
    loss = criterion(y_pred, y_train[batch])
    if t % 80 == 0:
        acc = (y_pred.argmax(1) == y_train[batch]).float().mean().item()
        print("[EPOCH]: %i, [LOSS]: %.6f, [ACCURACY]: %.3f" % (t, loss.item(), acc))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    accuracy = (model(X_test).argmax(1) == y_test).float().mean().item()
print("test accuracy", accuracy)
