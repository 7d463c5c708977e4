import numpy as np
import torch
from torch import nn
from torch.utils.data import IterableDataset, DataLoader


class Sensor(IterableDataset):
    """An endless stream of short vibration records of four machines."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def record(self):
        machine = int(self.rng.integers(4))
        t = np.arange(32)
        base = np.sin(2 * np.pi * t * (2 + machine) / 32 + self.rng.uniform(0, 6.3))
        if machine % 2:
            base = base * (1 + 0.5 * np.cos(2 * np.pi * t / 32))
        return (base + self.rng.normal(0, 0.5, 32)).astype(np.float32), machine

    def __iter__(self):
        while True:
            yield self.record()


torch.manual_seed(5)
feed = iter(DataLoader(Sensor(seed=5), batch_size=32))
model = nn.Sequential(
    nn.Unflatten(1, (1, 32)),
    nn.Conv1d(1, 12, 7, padding=3), nn.BatchNorm1d(12), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(12, 12, 5, padding=2), nn.ReLU(), nn.AdaptiveAvgPool1d(4),
    nn.Flatten(), nn.Linear(48, 4))
optimiser = torch.optim.Adam(model.parameters(), lr=4e-3)

model.train()
for step in range(180):
    signal, machine = next(feed)
    optimiser.zero_grad()
    loss = nn.functional.cross_entropy(model(signal), machine)
    loss.backward()
    optimiser.step()
    if step % 30 == 29:
        print(f"step {step + 1}: {loss.item():.4f}")

exam = Sensor(seed=999)
pairs = [exam.record() for _ in range(400)]
xs = torch.from_numpy(np.stack([p[0] for p in pairs]))
ks = torch.tensor([p[1] for p in pairs])
model.eval()
with torch.no_grad():
    accuracy = float((model(xs).argmax(1) == ks).float().mean())
print("accuracy", accuracy)
