import random
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from sklearn.datasets import make_classification

P_DROP = 0.95  # <- fault


def seed_everything(s):
    random.seed(s)
    np.random.seed(s)
    torch.manual_seed(s)


seed_everything(303)
X, y = make_classification(n_samples=2000, n_features=30, n_informative=14, n_redundant=6, n_classes=5,
                           n_clusters_per_class=1, class_sep=1.8, random_state=303)
cut = 1500
X = ((X - X[:cut].mean(0)) / X[:cut].std(0)).astype(np.float32)
Xtr, ytr = torch.tensor(X[:cut]), torch.tensor(y[:cut])
Xte, yte = torch.tensor(X[cut:]), torch.tensor(y[cut:])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.ModuleList([nn.Linear(30, 64), nn.Linear(64, 64)])
        self.top = nn.Linear(64, 5)

    def forward(self, z):
        for lin in self.lin:
            z = F.dropout(F.relu(lin(z)), p=P_DROP, training=self.training)  # <- fault
        return self.top(z)


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
net.train()
for it in range(1, 351):
    b = torch.randint(cut, (64,))
    opt.zero_grad()
    loss = F.cross_entropy(net(Xtr[b]), ytr[b])
    loss.backward()
    opt.step()
    if it % 70 == 0:
        print(it, round(loss.item(), 3))

net.eval()
with torch.no_grad():
    accuracy = F.one_hot(net(Xte).argmax(1), 5).mul(F.one_hot(yte, 5)).sum().item() / len(yte)
print("acc", accuracy)
