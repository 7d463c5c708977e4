"""Two interleaved half circles, a small net, and a validation split."""
import argparse
import torch
from torch import nn
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from sklearn.metrics import accuracy_score


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=3)
    p.add_argument("--hidden", type=int, default=32)
    p.add_argument("--epochs", type=int, default=30)
    p.add_argument("--lr", type=float, default=0.1)
    p.add_argument("--batch", type=int, default=64)
    return p.parse_args([])


def train_one_epoch(net, opt, x, y, batch):
    net.train()
    running = 0.0
    for idx in torch.randperm(len(x)).split(batch):
        opt.zero_grad()
        out = net(x[idx]).squeeze(1)
        loss = bce(out, y[idx])
        loss.backward()
        opt.step()
        running += loss.item() * len(idx)
    return running / len(x)


args = get_args()
torch.manual_seed(args.seed)
X, t = make_moons(n_samples=1200, noise=0.15, random_state=args.seed)
Xtr, Xte, ttr, tte = train_test_split(X, t, test_size=0.3, stratify=t, random_state=args.seed)
mu, sd = Xtr.mean(0), Xtr.std(0)
xtr = torch.tensor((Xtr - mu) / sd, dtype=torch.float32)
xte = torch.tensor((Xte - mu) / sd, dtype=torch.float32)
ytr = torch.tensor(ttr, dtype=torch.float32)

bce = nn.BCEWithLogitsLoss()
net = nn.Sequential(nn.Linear(2, args.hidden), nn.ReLU(), nn.Linear(args.hidden, args.hidden), nn.ReLU(),
                    nn.Linear(args.hidden, 1))
opt = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)
for ep in range(args.epochs):
    l = train_one_epoch(net, opt, xtr, ytr, args.batch)
    if ep % 10 == 9:
        print(f"[{ep + 1:3d}/{args.epochs}] loss {l:.4f}")

net.eval()
with torch.no_grad():
    pred = (net(xte).squeeze(1) > 0).long().numpy()
accuracy = float(accuracy_score(tte, pred))
print("held-out accuracy", accuracy)
