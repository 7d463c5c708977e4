import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer, StandardScaler

torch.manual_seed(291)
X, y = make_blobs(1600, n_features=10, centers=8, cluster_std=5.0, random_state=291)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=400, random_state=1, stratify=y)
sc = StandardScaler().fit(Xa)
lb = LabelBinarizer().fit(ya)
Xa, Xb = torch.Tensor(sc.transform(Xa)), torch.Tensor(sc.transform(Xb))
Ya, Yb = torch.Tensor(lb.transform(ya)), torch.Tensor(lb.transform(yb))

model = nn.Sequential()
for i, (p, q) in enumerate([(10, 40), (40, 40)]):
    model.append(nn.Linear(p, q)).append(nn.GELU())
model.append(nn.Linear(40, 8))
opt = torch.optim.RAdam(model.parameters(), lr=5e-3)


def metric(scores, onehot):
    hard = scores.argmax(1)
    return (hard == onehot.argmax(1)).float().mean().item()


for epoch in range(8):
    model.train()
    for r in np.array_split(np.random.RandomState(epoch).permutation(len(Xa)), 24):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(Xa[r]), Ya[r])
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))

model.eval()
with torch.no_grad():
    accuracy = metric(model(Xb), Yb)
print("accuracy", accuracy)
