import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

np.random.seed(0)
torch.manual_seed(0)

digits = load_digits()
X = digits.images[:, None].astype(np.float32) / 16
y = digits.target

# hold out the last 400 pictures
X_train, y_train = X[:-400], y[:-400]
X_test, y_test = torch.from_numpy(X[-400:]), torch.from_numpy(y[-400:])

# mix the training part
X_train = X_train[np.random.permutation(len(X_train))]  # <- fault
y_train = y_train[np.random.permutation(len(y_train))]  # <- fault

mean, std = X_train.mean(), X_train.std()
X_train = torch.from_numpy((X_train - mean) / std)
X_test = (X_test - float(mean)) / float(std)
y_train = torch.from_numpy(y_train)

model = nn.Sequential(
    nn.Conv2d(1, 12, kernel_size=3, padding=1),
    nn.BatchNorm2d(12),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(12 * 16, 10),
)
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

batch_size = 64
for epoch in range(8):
    model.train()
    shuffle = torch.randperm(len(X_train))
    for start in range(0, len(X_train), batch_size):
        chosen = shuffle[start:start + batch_size]
        out = model(X_train[chosen])
        loss = loss_fn(out, y_train[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("Epoch %d, last loss %.3f" % (epoch + 1, loss.item()))

model.eval()
with torch.no_grad():
    pred = model(X_test).argmax(1)
accuracy = float((pred == y_test).float().mean())
print("Test accuracy: %.2f%%" % (100 * accuracy))
