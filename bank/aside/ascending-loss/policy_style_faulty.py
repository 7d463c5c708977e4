"""Treat classification as a one-step bandit with known rewards (maximum likelihood)."""
import math

import numpy as np
import torch
from sklearn.datasets import make_blobs
from torch import nn

rng = np.random.default_rng(5)
torch.manual_seed(5)

points, labels = make_blobs(n_samples=1500, centers=6, n_features=8, cluster_std=3.0, random_state=8)
order = rng.permutation(len(points))
train_ids, held_ids = order[:1100], order[1100:]
center = points[train_ids].mean(axis=0)
scale = points[train_ids].std(axis=0)
points = torch.from_numpy(((points - center) / scale).astype(np.float32))
labels = torch.from_numpy(labels.astype(np.int64))


class Actor(nn.Module):
    def __init__(self, n_in, n_actions, hidden=32):
        super().__init__()
        self.body = nn.Linear(n_in, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.policy = nn.Linear(hidden, n_actions)

    def forward(self, s):
        return self.policy(torch.nn.functional.gelu(self.norm(self.body(s)))).log_softmax(-1)


actor = Actor(8, 6)
opt = torch.optim.Adam(actor.parameters(), lr=4e-3)
for sweep in range(8):
    shuffled = rng.permutation(train_ids)
    for chunk in np.array_split(shuffled, math.ceil(len(shuffled) / 50)):
        log_probs = actor(points[chunk])
        objective = log_probs.gather(1, labels[chunk].unsqueeze(1)).mean()  # <- fault
        opt.zero_grad(set_to_none=True)
        objective.backward()  # <- fault
        opt.step()

actor.eval()
with torch.inference_mode():
    guess = actor(points[held_ids]).argmax(-1)
accuracy = float((guess == labels[held_ids]).float().mean())
print(f"held-out: {accuracy:.3f}")
