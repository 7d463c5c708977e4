import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(31)
np.random.seed(31)

# radio pulses: 8 classes, 1-d profile with 32 samples
CLASSES, LENGTH = 8, 32
grid = np.arange(LENGTH)


def pulse(kind):
    centre = 6 + 20 * (kind % 4) / 3 + np.random.uniform(-1.5, 1.5)
    width = 1.5 if kind < 4 else 4.0
    return np.exp(-((grid - centre) ** 2) / (2 * width ** 2)) + 0.25 * np.random.randn(LENGTH)


def sample(n):
    kinds = np.random.randint(0, CLASSES, n)
    profiles = np.stack([pulse(k) for k in kinds])
    return torch.tensor(profiles, dtype=torch.float32), torch.tensor(kinds)


train_x, train_t = sample(1200)
test_x, test_t = sample(400)
m, s = train_x.mean(), train_x.std()
train_x = (train_x - m) / s
test_x = (test_x - m) / s

net = nn.Sequential(
    nn.Unflatten(1, (1, LENGTH)),
    nn.Conv1d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2),
    nn.Flatten(), nn.Linear(128, CLASSES))
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
loss_fn = nn.MSELoss()  # <- fault

for epoch in range(10):
    losses = []
    for batch in torch.randperm(1200).split(48):
        logits = net(train_x[batch])
        loss = loss_fn(F.softmax(logits, dim=1), F.one_hot(train_t[batch], CLASSES).float())  # <- fault
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print(f"ep {epoch:3d} loss {np.mean(losses):.5f}")

with torch.no_grad():
    accuracy = (net(test_x).argmax(1) == test_t).double().mean().item()
print("acc:", accuracy)
