"""Point-cloud shapes with an attention-pooled set encoder (research code, trimmed)."""
import argparse
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--dim", type=int, default=32)
    p.add_argument("--points", type=int, default=20)
    p.add_argument("--iters", type=int, default=240)
    p.add_argument("--lr", type=float, default=1e-2)
    p.add_argument("--seed", type=int, default=13)
    return p.parse_args([])


def shapes(n, m):
    k = torch.randint(0, 3, (n,))
    t = torch.rand(n, m) * 2 * math.pi
    circle = torch.stack([t.cos(), t.sin()], -1)
    square = circle / circle.abs().amax(-1, keepdim=True) * 1.2
    eight = torch.stack([t.sin(), (2 * t).sin()], -1)
    pts = torch.stack([circle, square, eight])[k, torch.arange(n)]
    a = torch.rand(n, 1, 1) * 0.6
    rot = torch.cat([torch.cat([a.cos(), -a.sin()], 2), torch.cat([a.sin(), a.cos()], 2)], 1)
    return pts @ rot + 0.05 * torch.randn(n, m, 2), k


class SetNet(nn.Module):
    def __init__(self, dim, n_out=3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(2, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU())
        self.query = nn.Linear(dim, 2)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Sequential(nn.Linear(2 * dim, dim), nn.ReLU(), nn.Linear(dim, n_out))

    def forward(self, pts):
        h = self.encoder(pts)
        w = self.query(h).softmax(dim=1)
        pooled = torch.einsum("bmq,bmd->bqd", w, h).flatten(1)
        return self.head(self.drop(pooled))


def evaluate(net, x, y):
    net.eval()
    with torch.no_grad():
        hit = (net(x).argmax(1) == y).float().mean().item()
    net.train()
    return hit


args = get_args()
torch.manual_seed(args.seed)
x_tr, y_tr = shapes(1500, args.points)
x_va, y_va = shapes(250, args.points)
x_te, y_te = shapes(500, args.points)
net = SetNet(args.dim)
opt = torch.optim.Adam([
    {"params": net.encoder.parameters()},
    {"params": [*net.query.parameters(), *net.head.parameters()], "lr": 0.5 * args.lr},
], lr=args.lr)
loader = torch.utils.data.DataLoader(range(1500), batch_size=50, shuffle=True)
it = 0
while it < args.iters:
    for rows in loader:
        loss = F.cross_entropy(net(x_tr[rows]), y_tr[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        it += 1
    print(f"iter {it} loss {loss.item():.3f} val {evaluate(net, x_va, y_va):.3f}")
accuracy = evaluate(net, x_te, y_te)
print("test", accuracy)
