"""Train, store a checkpoint, load it again and go on: a Trainer with a resume method."""
import os
import tempfile
import torch
from torch import nn
from sklearn.datasets import make_classification


class Trainer:
    def __init__(self, dim, n_classes, seed):
        torch.manual_seed(seed)
        self.net = nn.Sequential(
            nn.Linear(dim, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(256, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, n_classes))
        self.opt = torch.optim.Adam(self.net.parameters(), lr=2e-3)

    def steps(self, x, y, rounds, batch=50):
        for _ in range(rounds):
            for rows in torch.randperm(len(x)).split(batch):
                loss = nn.functional.cross_entropy(self.net(x[rows]), y[rows])
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
        return loss.item()

    def save(self, path):
        torch.save({"net": self.net.state_dict(), "opt": self.opt.state_dict()}, path)

    def resume(self, path):
        bundle = torch.load(path)
        self.net.load_state_dict(bundle["net"])
        self.opt.load_state_dict(bundle["opt"])
        self.net.train()

    @torch.no_grad()
    def predict(self, x):
        self.net.eval()
        return self.net(x).argmax(1)


X, Y = make_classification(n_samples=1100, n_features=24, n_informative=12, n_redundant=4, n_classes=3,
                           n_clusters_per_class=3, class_sep=1.5, flip_y=0.0, random_state=6)
X, Y = torch.tensor(X, dtype=torch.float32), torch.tensor(Y)
X = (X - X[:700].mean(0)) / X[:700].std(0)
with tempfile.TemporaryDirectory() as folder:
    ckpt = os.path.join(folder, "part1.pt")
    first = Trainer(24, 3, seed=1)
    print("part 1, loss", first.steps(X[:700], Y[:700], rounds=3))
    first.save(ckpt)
    second = Trainer(24, 3, seed=2)
    second.resume(ckpt)
    print("part 2, loss", second.steps(X[:700], Y[:700], rounds=15))
accuracy = (second.predict(X[700:]) == Y[700:]).float().mean().item()
print("accuracy", accuracy)
