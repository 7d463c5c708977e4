"""Radar returns: five emitters, six channels with very different ranges."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader
from sklearn.datasets import make_blobs

GEN = np.random.RandomState(17)
torch.manual_seed(17)


class Standardise:
    def __init__(self, reference):
        self.mu = reference.mean(axis=0)
        self.sigma = reference.std(axis=0)

    def __call__(self, row):
        return (row - self.mu) / self.sigma


class Centre(Standardise):
    def __call__(self, row):
        return row - self.mu


class RadarDataset(Dataset):
    def __init__(self, rows, emitters, transform):
        self.rows, self.emitters, self.transform = rows, emitters, transform

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, k):
        return torch.tensor(self.transform(self.rows[k]), dtype=torch.float32), self.emitters[k]


points, emitter = make_blobs(1500, n_features=6, centers=5, cluster_std=2.4, center_box=(-8, 8), random_state=17)
points = points * np.array([1.0, 30.0, 0.05, 4.0, 0.2, 12.0]) + np.array([0, 400.0, 1.0, -20, 3.0, 50.0])
perm = GEN.permutation(len(points))
past, future = perm[:1100], perm[1100:]
fit_tf = Standardise(points[past])
check_tf = Centre(points[past])  # <- fault
train_loader = DataLoader(RadarDataset(points[past], emitter[past], fit_tf), batch_size=44, shuffle=True)
check_loader = DataLoader(RadarDataset(points[future], emitter[future], check_tf), batch_size=100)  # <- fault

net = nn.Sequential(nn.Linear(6, 48), nn.SiLU(), nn.Linear(48, 24), nn.SiLU(), nn.Linear(24, 5))
loss_fn = nn.CrossEntropyLoss()
sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
for rnd in range(12):
    net.train()
    for rows, ids in train_loader:
        sgd.zero_grad()
        loss_fn(net(rows), ids).backward()
        sgd.step()

net.eval()
answers, truth = [], []
with torch.no_grad():
    for rows, ids in check_loader:
        answers.append(net(rows).argmax(1).numpy())
        truth.append(ids.numpy())
accuracy = float((np.concatenate(answers) == np.concatenate(truth)).mean())
print("future returns identified:", round(accuracy, 4))
