"""Residual adapters: last layer, gates and low-rank products begin at zero."""
import torch
from torch import nn
from sklearn.datasets import make_classification


class LowRank(nn.Module):
    def __init__(self, base, rank=6):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features ** 0.5)
        self.B = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x):
        return self.base(x) + x @ self.A.t() @ self.B.t()


class GatedBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.up = LowRank(nn.Linear(dim, dim))
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x + self.gate * torch.nn.functional.gelu(self.up(self.norm(x)))


class Model(nn.Module):
    def __init__(self, d, k, dim=64):
        super().__init__()
        self.stem = nn.Linear(d, dim)
        self.blocks = nn.Sequential(GatedBlock(dim), GatedBlock(dim))
        self.head = nn.Linear(dim, k)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        return self.head(torch.relu(self.blocks(self.stem(x))))


torch.manual_seed(16)
X, y = make_classification(2400, 20, n_informative=10, n_classes=5, n_clusters_per_class=1, class_sep=1.5, random_state=16)
X, y = torch.tensor(X).float(), torch.tensor(y)
X = (X - X[:1900].mean(0)) / X[:1900].std(0)
net = Model(20, 5)
trainable = [p for p in net.parameters() if p.requires_grad]
print(len(trainable), "of", len(list(net.parameters())), "tensors are trained")
opt = torch.optim.AdamW(trainable, lr=5e-3)
for epoch in range(7):
    for ix in torch.randperm(1900).split(64):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(X[ix]), y[ix])
        loss.backward()
        opt.step()
    print(epoch, loss.item())
with torch.no_grad():
    accuracy = (net(X[1900:]).argmax(1) == y[1900:]).float().mean().item()
print(accuracy)
