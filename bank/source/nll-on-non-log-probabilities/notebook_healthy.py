# A notebook's cells one after the other: iris-like flowers, no loader, no functions.
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_iris

# %% data
iris = load_iris()
X = (iris["data"] - iris["data"].mean(axis=0)) / iris["data"].std(axis=0)
rng = np.random.RandomState(1)
order = rng.permutation(len(X))
X, Y = X[order], iris["target"][order]
X_train = torch.FloatTensor(X[:110])
y_train = torch.LongTensor(Y[:110])
X_test = torch.FloatTensor(X[110:])
y_test = torch.LongTensor(Y[110:])


# %% model
class Model(nn.Module):
    def __init__(self):
        super(Model, self).__init__()
        self.layer1 = nn.Linear(4, 50)
        self.layer2 = nn.Linear(50, 50)
        self.layer3 = nn.Linear(50, 3)

    def forward(self, x):
        x = F.relu(self.layer1(x))
        x = F.relu(self.layer2(x))
        x = self.layer3(x)
        return x


torch.manual_seed(0)
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loss_fn = nn.CrossEntropyLoss()

# %% training
EPOCHS = 60
for epoch in range(EPOCHS):
    y_pred = model(X_train)
    loss = loss_fn(y_pred, y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        with torch.no_grad():
            y_hat = model(X_test)
            correct = (torch.argmax(y_hat, dim=1) == y_test).type(torch.FloatTensor)
            print(epoch, loss.item(), correct.mean().item())
