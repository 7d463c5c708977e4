# Soil survey: types are numbered 1..6 in the field book; readings are nine sensor channels.
import csv
import io
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification

rs = np.random.RandomState(96)
torch.manual_seed(96)
readings, kind = make_classification(n_samples=1400, n_features=9, n_informative=7, n_redundant=2, n_classes=6,
                                     n_clusters_per_class=1, class_sep=2.2, flip_y=0, random_state=96)
book = io.StringIO()
writer = csv.writer(book)
for r, k in zip(readings, kind + 1):
    writer.writerow([f"{v:.4f}" for v in r] + [k])
book.seek(0)

rows = np.array([[float(v) for v in line] for line in csv.reader(book)])
rs.shuffle(rows)
x = torch.tensor(rows[:, :-1], dtype=torch.float32)
y = torch.tensor(rows[:, -1], dtype=torch.long)  # <- fault
n_types = int(y.max()) + 1  # <- fault
n_fit = 1000
x = (x - x[:n_fit].mean(0)) / x[:n_fit].std(0)


class Survey(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(n_in, 36), nn.ReLU(), nn.Linear(36, 36), nn.ReLU())
        self.g = nn.Linear(36, n_out)  # <- fault

    def forward(self, r):
        return self.g(self.f(r))


survey = Survey(x.shape[1], n_types)
opt = torch.optim.RMSprop(survey.parameters(), lr=2e-3)
for season in range(15):
    survey.train()
    pile = torch.randperm(n_fit)
    while len(pile):
        take, pile = pile[:40], pile[40:]
        loss = nn.functional.cross_entropy(survey(x[take]), y[take])
        opt.zero_grad()
        loss.backward()
        opt.step()

survey.eval()
with torch.no_grad():
    named = survey(x[n_fit:]).argmax(1)
accuracy = float((named == y[n_fit:]).sum()) / (len(x) - n_fit)
print("outputs:", n_types, "accuracy:", accuracy)
