import numpy as np
import torch
import torch.nn as nn

# four kinds of machine vibration, windows of 32 samples from 3 sensors
rng = np.random.default_rng(44)
torch.manual_seed(44)


def windows(n):
    labels = rng.integers(0, 4, n)
    t = np.arange(32)
    base = np.array([0.25, 0.4, 0.55, 0.7])[labels][:, None]
    phase = rng.uniform(0, 2 * np.pi, (n, 3, 1))
    signal = np.sin(base[:, None] * t + phase) * np.array([8.0, 3.0, 1.0])[None, :, None]
    noise = rng.normal(size=signal.shape) * np.array([8.0, 3.0, 1.0])[None, :, None]
    offset = np.array([25.0, -10.0, 4.0])[None, :, None]
    return signal + 0.8 * noise + offset, labels


train_x, train_y = windows(1000)
test_x, test_y = windows(500)
mean = train_x.mean(axis=(0, 2), keepdims=True)
std = train_x.std(axis=(0, 2), keepdims=True)
train_x = torch.tensor((train_x - mean) / std, dtype=torch.float32)
test_x = torch.tensor((test_x - mean) / std, dtype=torch.float32)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)

model = nn.Sequential(
    nn.Conv1d(3, 16, 7), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(16, 16, 5), nn.ReLU(), nn.AdaptiveAvgPool1d(1),
    nn.Flatten(), nn.Linear(16, 4),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    model.train()
    perm = torch.randperm(len(train_x))
    for i in range(0, len(perm), 40):
        idx = perm[i:i + 40]
        loss = criterion(model(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("epoch", epoch + 1, "loss", round(loss.item(), 4))

model.eval()
with torch.no_grad():
    accuracy = float((model(test_x).argmax(1) == test_y).float().mean())
print("accuracy", accuracy)
