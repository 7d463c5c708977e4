import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch.utils.data import TensorDataset, DataLoader


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.net = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim), nn.GELU(), nn.Linear(dim, dim))

    def forward(self, x):
        return x + self.net(x)


class Tower(nn.Module):
    def __init__(self, d_in, dim, n_blocks, n_classes):
        super().__init__()
        self.stem = nn.Linear(d_in, dim)
        self.blocks = []  # <- fault
        for _ in range(n_blocks):
            self.blocks.append(Block(dim))  # <- fault
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, n_classes)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def run(seed=13, epochs=10):
    torch.manual_seed(seed)
    X, y = make_classification(2500, 24, n_informative=10, n_redundant=2, n_classes=3,
                               n_clusters_per_class=4, class_sep=1.8, random_state=seed)
    X = torch.tensor(X, dtype=torch.float32)
    y = torch.tensor(y)
    idx_tr, idx_te = train_test_split(range(len(y)), test_size=0.24, random_state=seed)
    X = (X - X[idx_tr].mean(0)) / X[idx_tr].std(0)
    dl = DataLoader(TensorDataset(X[idx_tr], y[idx_tr]), 95, shuffle=True, drop_last=True)
    model = Tower(24, 48, 3, 3)
    print("parameters:", sum(p.numel() for p in model.parameters()))
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    for epoch in range(epochs):
        model.train()
        for xb, yb in dl:
            opt.zero_grad()
            nn.functional.cross_entropy(model(xb), yb).backward()
            opt.step()
    model.eval()
    with torch.no_grad():
        return (model(X[idx_te]).argmax(1) == y[idx_te]).double().mean().item()


accuracy = run()
print("accuracy", accuracy)
