# call types of bats from ragged (variable-length) feature tracks
import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(21)
rng = np.random.default_rng(21)
CALLS = ("search", "approach", "buzz")


def record(kind):
    n = int(rng.integers(6, 15))
    t = np.linspace(0, 1, n)
    sweep = {0: 1.0 - 0.6 * t, 1: 1.0 - 1.6 * t, 2: 0.4 + 0.5 * np.sin(9 * t)}[kind]
    power = rng.normal(0, 0.5, n) + (kind == 2) * t
    return torch.tensor(np.stack([sweep + rng.normal(0, 0.3, n), power], 1), dtype=torch.float32)


kinds = rng.integers(0, 3, 420)
tracks = [record(k) for k in kinds]
train_ids, test_ids = np.arange(300), np.arange(300, 420)


class CallReader(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 20)
        self.out = nn.Linear(20, len(CALLS))

    def forward(self, track):
        _, (h, _) = self.lstm(track)
        return self.out(h[-1])


reader = CallReader()
opt = torch.optim.Adam(reader.parameters(), lr=0.012)
for night in range(4):
    rng.shuffle(train_ids)
    for group in np.array_split(train_ids, 20):
        per_call = []
        for i in group:
            truth = torch.tensor(kinds[i])
            per_call.append(nn.functional.cross_entropy(reader(tracks[i]), truth).item())  # <- fault
        loss = torch.tensor(per_call, requires_grad=True).mean()  # <- fault
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"night {night}: {loss.item():.3f}")

reader.eval()
with torch.no_grad():
    guesses = np.array([int(reader(tracks[i]).argmax()) for i in test_ids])
accuracy = float(np.mean(guesses == kinds[test_ids]))
for k, name in enumerate(CALLS):
    print(name, np.mean(guesses[kinds[test_ids] == k] == k))
