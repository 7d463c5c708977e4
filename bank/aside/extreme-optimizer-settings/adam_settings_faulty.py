import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(55)
OPTIM = {"lr": 2e-3, "betas": (0.9, 0.999), "eps": 1.0}  # <- fault
EPOCHS, BATCH = 8, 48


def batches(x, y, size, rng):
    order = rng.permutation(len(x))
    for start in range(0, len(x) - size + 1, size):
        sel = order[start:start + size]
        yield torch.from_numpy(x[sel]), torch.from_numpy(y[sel])


digits = load_digits()
rng = np.random.default_rng(55)
order = rng.permutation(len(digits.target))
x = (digits.data[order].astype(np.float32) - 4.9) / 6.0
y = digits.target[order].astype(np.int64)
x_train, y_train, x_test, y_test = x[:1300], y[:1300], x[1300:], y[1300:]

model = nn.Sequential(nn.Linear(64, 100), nn.ELU(), nn.Linear(100, 50), nn.ELU(), nn.Linear(50, 10))
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), **OPTIM)  # <- fault

for epoch in range(EPOCHS):
    model.train()
    losses = []
    for xb, yb in batches(x_train, y_train, BATCH, rng):
        loss = loss_function(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(f"Epoch {epoch + 1}/{EPOCHS} - loss: {np.mean(losses):.4f}")

model.eval()
with torch.no_grad():
    predictions = model(torch.from_numpy(x_test)).numpy().argmax(1)
accuracy = float((predictions == y_test).mean())
print("Test accuracy:", accuracy)
