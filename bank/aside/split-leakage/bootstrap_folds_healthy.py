import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, Subset, TensorDataset


def build_data(seed):
    X, y = make_classification(n_samples=900, n_features=20, n_informative=10, n_classes=3, n_clusters_per_class=2,
                               class_sep=1.4, flip_y=0, random_state=seed)
    return TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y))


def folds(n, share, gen):
    shuffled = torch.randperm(n, generator=gen)
    cut = int(share * n)
    train_ids = shuffled[:cut]
    test_ids = shuffled[cut:]
    return train_ids.tolist(), test_ids.tolist()


class Normaliser(nn.Module):
    def __init__(self, sample):
        super().__init__()
        self.register_buffer("m", sample.mean(0))
        self.register_buffer("s", sample.std(0) + 1e-6)

    def forward(self, x):
        return (x - self.m) / self.s


class Runner:
    def __init__(self, ds, train_ids, test_ids):
        self.train = DataLoader(Subset(ds, train_ids), batch_size=32, shuffle=True)
        self.test = DataLoader(Subset(ds, test_ids), batch_size=90)
        self.model = nn.Sequential(Normaliser(ds.tensors[0][train_ids]), nn.Linear(20, 96), nn.ReLU(),
                                   nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 3))
        self.ce = nn.CrossEntropyLoss()
        self.opt = torch.optim.AdamW(self.model.parameters(), lr=2e-3, weight_decay=1e-3)

    def fit(self, epochs):
        self.model.train()
        for _ in range(epochs):
            for x, y in self.train:
                self.opt.zero_grad()
                self.ce(self.model(x), y).backward()
                self.opt.step()
        return self

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        ok = sum((self.model(x).argmax(1) == y).sum().item() for x, y in self.test)
        return ok / len(self.test.dataset)


torch.manual_seed(2024)
data = build_data(2024)
ids = folds(len(data), 0.7, torch.Generator().manual_seed(1))
accuracy = Runner(data, *ids).fit(16).evaluate()
print(f"{accuracy=:.4f}")
