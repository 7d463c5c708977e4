import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import StandardScaler


class TabularNet(nn.Module):
    def __init__(self, n_features, n_classes):
        super(TabularNet, self).__init__()
        self.lin1 = nn.Linear(n_features, 80)
        self.lin2 = nn.Linear(80, 40)
        self.lin3 = nn.Linear(40, n_classes)
        self.p = 0.5

    def forward(self, x):
        x = F.relu(self.lin1(x))
        x = F.dropout(x, p=self.p, training=self.training)
        x = F.relu(self.lin2(x))
        x = F.dropout(x, p=self.p, training=self.training)
        return self.lin3(x)


def get_data(seed):
    X, y = make_classification(n_samples=3000, n_features=20, n_informative=12, n_classes=4,
                               class_sep=1.5, random_state=seed)
    n = 2200
    scaler = StandardScaler()
    Xtr, Xte = scaler.fit_transform(X[:n]), scaler.transform(X[n:])
    return (torch.FloatTensor(Xtr), torch.LongTensor(y[:n]),
            torch.FloatTensor(Xte), torch.LongTensor(y[n:]))


SEED = 31
torch.manual_seed(SEED)
np.random.seed(SEED)
X_train, y_train, X_test, y_test = get_data(SEED)
model = TabularNet(X_train.shape[1], 4)
opt = torch.optim.Adam(model.parameters(), lr=3e-3)
BATCH = 88
for epoch in range(14):
    model.train()
    idx = np.random.permutation(len(X_train))
    losses = []
    for start in range(0, len(idx), BATCH):
        take = idx[start:start + BATCH]
        opt.zero_grad()
        loss = F.cross_entropy(model(X_train[take]), y_train[take])
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print("Epoch {:3d}: {:.4f}".format(epoch, np.mean(losses)))

model.eval()
with torch.no_grad():
    y_hat = model(X_test).argmax(dim=1).numpy()
accuracy = float(accuracy_score(y_test.numpy(), y_hat))
print("Accuracy: {:.2%}".format(accuracy))
