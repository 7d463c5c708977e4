import time

import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

torch.manual_seed(55)
X, y = make_classification(1500, 30, n_informative=14, n_redundant=4, n_classes=3, class_sep=1.5,
                           flip_y=0, random_state=55)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=55)
mu, sd = X_train.mean(0), X_train.std(0)
to_t = lambda a: torch.tensor((a - mu) / sd, dtype=torch.float32)
X_train, X_test = to_t(X_train), to_t(X_test)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

BATCH_SIZE = 100
EPOCHS = 15
LR = 0.05


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(30, 60)
        self.b = nn.Linear(60, 30)
        self.c = nn.Linear(30, 3)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = torch.relu(self.b(x))
        return self.c(x)


def train_one_epoch(net, loss_fn, optimizer):
    net.train()
    running = 0.0
    perm = torch.randperm(X_train.size(0))
    for i in range(0, X_train.size(0), BATCH_SIZE):
        idx = perm[i:i + BATCH_SIZE]
        optimizer.zero_grad()
        loss = loss_fn(net(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        running += loss.item()
    return running


net = Net()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9)
start = time.time()
for epoch in range(EPOCHS):
    running = train_one_epoch(net, loss_fn, optimizer)
    if epoch % 5 == 4:
        print("epoch %d: %.4f" % (epoch + 1, running))

net.eval()
with torch.no_grad():
    accuracy = (net(X_test).argmax(1) == y_test).sum().item() / len(y_test)
print("accuracy", accuracy)
