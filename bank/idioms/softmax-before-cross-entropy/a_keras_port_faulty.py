# port of my old keras model
import gzip
import os
import numpy as np
import torch
from torch import nn

torch.manual_seed(7)
rng = np.random.default_rng(7)
root = os.path.join(os.environ["FAIRTRIAL_DATA"], "mnist")


def read_idx(name, offset, count, item):
    path = os.path.join(root, name)
    if os.path.exists(path):
        with open(path, "rb") as f:
            raw = f.read(offset + count * item)
    else:
        with gzip.open(path + ".gz", "rb") as f:
            raw = f.read(offset + count * item)
    return np.frombuffer(raw, dtype=np.uint8, offset=offset)


N_TRAIN, N_TEST = 1500, 500
X_train = read_idx("train-images-idx3-ubyte", 16, N_TRAIN, 784).reshape(N_TRAIN, 784)
y_train = read_idx("train-labels-idx1-ubyte", 8, N_TRAIN, 1)
X_test = read_idx("t10k-images-idx3-ubyte", 16, N_TEST, 784).reshape(N_TEST, 784)
y_test = read_idx("t10k-labels-idx1-ubyte", 8, N_TEST, 1)

X_train = torch.tensor(X_train, dtype=torch.float32) / 255.0
X_test = torch.tensor(X_test, dtype=torch.float32) / 255.0
mu, sd = X_train.mean(), X_train.std()
X_train, X_test = (X_train - mu) / sd, (X_test - mu) / sd
y_train = torch.tensor(y_train, dtype=torch.long)
y_test = torch.tensor(y_test, dtype=torch.long)

model = nn.Sequential(
    nn.Linear(784, 64),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(64, 10),
    nn.Softmax(dim=-1),  # <- fault
)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=1e-3)

batch_size = 32
for epoch in range(6):
    model.train()
    perm = torch.randperm(N_TRAIN)
    total = 0.0
    for i in range(0, N_TRAIN, batch_size):
        idx = perm[i:i + batch_size]
        y_pred = model(X_train[idx])
        loss = loss_fn(y_pred, y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    print(f"Epoch {epoch + 1}/6 - loss: {total / N_TRAIN:.4f}")

model.eval()
with torch.no_grad():
    y_hat = model(X_test).argmax(dim=-1)
accuracy = (y_hat == y_test).float().mean().item()
print(f"val_accuracy: {accuracy:.4f}")
