import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

np.random.seed(12)
torch.manual_seed(12)
base = load_digits()
take = np.random.choice(len(base.target), 500, replace=False)
images, labels = base.images[take] / 16.0, base.target[take]


def enlarge(images, labels, copies=3):
    """small data set, so add slightly changed copies of each picture"""
    out_x, out_y = [images], [labels]
    for _ in range(copies):
        gain = np.random.uniform(0.9, 1.1, (len(images), 1, 1))
        out_x.append(np.clip(images * gain + np.random.normal(0, 0.03, images.shape), 0, 1))
        out_y.append(labels)
    return np.concatenate(out_x), np.concatenate(out_y)


images, labels = enlarge(images, labels)  # <- fault
X_train, X_test, y_train, y_test = train_test_split(images, labels, test_size=0.3, random_state=1)  # <- fault

mean, std = X_train.mean(), X_train.std()
X_train = torch.tensor((X_train - mean) / std).float().flatten(1)
X_test = torch.tensor((X_test - mean) / std).float().flatten(1)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

clf = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(clf.parameters(), lr=1e-3)
loss_function = nn.CrossEntropyLoss()
for epoch in range(10):
    permutation = torch.randperm(X_train.size(0))
    for i in range(0, X_train.size(0), 50):
        indices = permutation[i:i + 50]
        optimizer.zero_grad()
        loss = loss_function(clf(X_train[indices]), y_train[indices])
        loss.backward()
        optimizer.step()
    print('epoch', epoch, 'loss', loss.item())

with torch.no_grad():
    accuracy = (clf(X_test).argmax(1) == y_test).double().mean().item()  # <- fault
print('accuracy', accuracy)
