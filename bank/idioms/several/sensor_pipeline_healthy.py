import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, Dataset

SEED = 321
torch.manual_seed(SEED)


class Sensors(Dataset):
    RANGE = np.array([250.0, 40.0, 900.0, 15.0, 120.0, 60.0, 500.0, 300.0, 80.0, 33.0, 700.0, 210.0], dtype=np.float32)

    def __init__(self, part):
        x, y = make_classification(1900, 12, n_informative=8, n_classes=4, n_clusters_per_class=1, class_sep=1.6,
                                   flip_y=0, random_state=SEED)
        raw = (x.astype(np.float32) + 8) * self.RANGE / 16
        fit = raw[:1300]
        table = (raw - fit.mean(0)) / fit.std(0)
        self.x, self.y = (table[:1300], y[:1300]) if part == "fit" else (table[1300:], y[1300:])

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Mlp(nn.Module):
    def __init__(self, widths=(12, 48, 48)):
        super().__init__()
        self.steps = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.final = nn.Linear(widths[-1], 4)

    def forward(self, x):
        for lin in self.steps:
            x = lin(x).relu()
        return self.final(x)


mlp = Mlp()
opt = torch.optim.Adam(mlp.parameters(), lr=2e-3)
for epoch in range(10):
    total, batches = 0.0, 0
    for x, y in DataLoader(Sensors("fit"), batch_size=52, shuffle=True):
        loss = nn.functional.cross_entropy(mlp(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total, batches = total + loss.item(), batches + 1
    print(epoch, total / batches)

mlp.eval()
held = Sensors("held")
with torch.no_grad():
    accuracy = float((mlp(torch.from_numpy(held.x)).argmax(1).numpy() == held.y).mean())
print("accuracy", accuracy)
