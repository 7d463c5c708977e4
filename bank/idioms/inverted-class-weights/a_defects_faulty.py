import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import recall_score
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.RandomState(14)
torch.manual_seed(14)


def plates(counts):
    """16x16 grey plates: 0 = clean, 1 = scratch, 2 = spot"""
    xs, ys = [], []
    for label, n in enumerate(counts):
        img = rng.normal(0, 1.0, (n, 16, 16))
        for k in range(n):
            r, c = rng.randint(2, 13, 2)
            if label == 1:
                img[k, r, 2:14] += 2.2
            elif label == 2:
                img[k, r - 1:r + 2, c - 1:c + 2] += 2.5
        xs.append(img)
        ys.append(np.full(n, label))
    return np.concatenate(xs).astype(np.float32)[:, None], np.concatenate(ys)


x_train, y_train = plates([700, 90, 60])
x_test, y_test = plates([150, 150, 150])

class_counts = np.bincount(y_train)
weights = class_counts / class_counts.sum()  # <- fault
print("class weights", weights)

net = nn.Sequential(
    nn.Conv2d(1, 12, 5, padding=2), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveMaxPool2d(1),
    nn.Flatten(), nn.Linear(24, 3))
criterion = nn.CrossEntropyLoss(weight=torch.tensor(weights, dtype=torch.float32))  # <- fault
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
loader = DataLoader(TensorDataset(torch.from_numpy(x_train), torch.from_numpy(y_train)), batch_size=50, shuffle=True)

for epoch in range(8):
    net.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())

net.eval()
with torch.no_grad():
    pred = net(torch.from_numpy(x_test)).argmax(1).numpy()
print("recall per class", recall_score(y_test, pred, average=None))
accuracy = float((pred == y_test).mean())
print("accuracy", accuracy)
