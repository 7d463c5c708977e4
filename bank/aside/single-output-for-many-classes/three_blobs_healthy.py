import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split

torch.manual_seed(16)
np.random.seed(16)

X, y = make_blobs(n_samples=900, centers=4, n_features=6, cluster_std=4.0, random_state=16)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.33, stratify=y, random_state=16)
X_train, X_test = torch.Tensor(X_train), torch.Tensor(X_test)
y_train = torch.LongTensor(y_train)

model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(8):
    model.train()
    ids = np.random.permutation(len(X_train))
    for s in range(0, len(ids), 30):
        b = ids[s:s + 30]
        optimizer.zero_grad()
        loss = criterion(model(X_train[b]), y_train[b])
        loss.backward()
        optimizer.step()
    print("Epoch", epoch, "| loss", round(loss.item(), 4))

model.eval()
with torch.no_grad():
    y_pred = model(X_test).argmax(dim=1).numpy()
accuracy = float(np.mean(y_pred == y_test))
print("Accuracy:", accuracy)
