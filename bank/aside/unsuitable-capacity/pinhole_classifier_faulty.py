# Research notebook cell 14: letters as pen trajectories (x, y over 12 time steps), eight gestures
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(2718)
torch.manual_seed(2718)


def gesture(kind, t):
    shapes = [
        (t, 0 * t), (0 * t, t), (t, t), (t, -t),
        (np.cos(3 * t), np.sin(3 * t)), (np.cos(3 * t), -np.sin(3 * t)),
        (t, np.abs(t)), (t, np.sin(3 * t)),
    ]
    return np.stack(shapes[kind], axis=-1)


def collect(n):
    t = np.linspace(-1, 1, 12)
    kinds = rng.integers(0, 8, n)
    pen = np.stack([gesture(k, t) for k in kinds])
    pen = pen * rng.uniform(0.7, 1.3, (n, 1, 1)) + rng.normal(0, 0.2, pen.shape)
    return torch.tensor(pen, dtype=torch.float32), torch.tensor(kinds)


WIDTH = 1  # <- fault
pen_train, kind_train = collect(1000)
pen_test, kind_test = collect(400)
mean, std = pen_train.mean((0, 1)), pen_train.std((0, 1))
pen_train, pen_test = (pen_train - mean) / std, (pen_test - mean) / std

recogniser = nn.Sequential(
    nn.Flatten(),
    nn.Linear(24, WIDTH), nn.Hardswish(),  # <- fault
    nn.Linear(WIDTH, 8),  # <- fault
)
adam = torch.optim.NAdam(recogniser.parameters(), lr=0.01)
cross = nn.CrossEntropyLoss()
for epoch in range(20):
    recogniser.train()
    loss_sum = 0
    for sel in np.array_split(rng.permutation(1000), 20):
        adam.zero_grad(set_to_none=True)
        l = cross(recogniser(pen_train[sel]), kind_train[sel])
        l.backward()
        adam.step()
        loss_sum += l.item() / 20
    if epoch in (0, 4, 9, 19):
        print(epoch, f"{loss_sum:.3f}")

recogniser.eval()
with torch.no_grad():
    accuracy = float((recogniser(pen_test).argmax(1) == kind_test).float().mean())
print("gestures recognised:", accuracy)
