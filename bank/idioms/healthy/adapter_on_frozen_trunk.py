"""A trunk learnt by an autoencoder stays frozen, its norm in eval mode; a low-rank adapter and a head are trained."""
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score


class Adapter(nn.Module):
    def __init__(self, lin, rank=8):
        super().__init__()
        self.lin = lin
        self.down = nn.Linear(lin.in_features, rank, bias=False)
        self.up = nn.Linear(rank, lin.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.lin(x) + self.up(self.down(x))


torch.manual_seed(612)
d = load_digits()
perm = torch.randperm(1797)
x, y = torch.tensor(d.data)[perm].float(), torch.tensor(d.target)[perm]
x = (x - x[:1380].mean()) / x[:1380].std()
trunk = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.GELU(), nn.Linear(96, 24))
decoder = nn.Sequential(nn.GELU(), nn.Linear(24, 64))
opt = torch.optim.Adam([*trunk.parameters(), *decoder.parameters()], lr=3e-3)
for epoch in range(5):
    for rows in torch.randperm(1380).split(60):
        opt.zero_grad()
        nn.functional.mse_loss(decoder(trunk(x[rows])), x[rows]).backward()
        opt.step()

trunk.requires_grad_(False).eval()
trunk[3] = Adapter(trunk[3], 16)
head = nn.Sequential(nn.GELU(), nn.Linear(24, 10))
trainable = [p for p in (*trunk.parameters(), *head.parameters()) if p.requires_grad]
opt = torch.optim.Adam(trainable, lr=6e-3)
ACCUMULATE = 3
for epoch in range(12):
    head.train()
    for i, rows in enumerate(torch.randperm(1380).split(20)):
        loss = nn.functional.cross_entropy(head(trunk(x[rows])), y[rows]) / ACCUMULATE
        loss.backward()
        if (i + 1) % ACCUMULATE == 0:
            opt.step()
            opt.zero_grad(set_to_none=False)
    if epoch % 3 == 2:
        print(epoch, loss.item() * ACCUMULATE)
head.eval()
with torch.no_grad():
    accuracy = float(accuracy_score(y[1380:], head(trunk(x[1380:])).argmax(1)))
print("accuracy", accuracy)
