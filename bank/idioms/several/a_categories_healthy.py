import torch
from torch import nn
from sklearn.datasets import make_blobs
from sklearn.utils import shuffle
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(52)

# one file per product category, as exported
X, y = make_blobs(n_samples=[300] * 5, n_features=7, cluster_std=3.0, random_state=52)
X, y = shuffle(X, y, random_state=52)
X_test, y_test = X[1100:], y[1100:]
order = y[:1100].argsort(kind="stable")
X_train, y_train = X[:1100][order], y[:1100][order]
m, s = X_train.mean(0), X_train.std(0)
train_ds = TensorDataset(torch.tensor((X_train - m) / s, dtype=torch.float32), torch.tensor(y_train))
X_test, y_test = torch.tensor((X_test - m) / s, dtype=torch.float32), torch.tensor(y_test)

train_dl = DataLoader(train_ds, batch_size=50, shuffle=True)
net = nn.Sequential(nn.Linear(7, 32), nn.LeakyReLU(), nn.Linear(32, 32), nn.LeakyReLU(), nn.Linear(32, 5))
opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
lossf = nn.CrossEntropyLoss()

for epoch in range(10):
    net.train()
    tot = 0.0
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = lossf(net(xb), yb)
        loss.backward()
        opt.step()
        tot += loss.item()
    print("epoch", epoch, "train loss", round(tot / len(train_dl), 4))

net.eval()
with torch.no_grad():
    accuracy = (net(X_test).argmax(1) == y_test).float().mean().item()
print("test accuracy", accuracy)
