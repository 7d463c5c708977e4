import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score

parser = argparse.ArgumentParser()
parser.add_argument("--layers", type=int, default=9)
parser.add_argument("--hidden", type=int, default=64)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--seed", type=int, default=1)
args, _ = parser.parse_known_args()

torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)


def build(n_in, n_out):
    mods, width = [], n_in
    for _ in range(args.layers):
        lin = nn.Linear(width, args.hidden)
        nn.init.kaiming_normal_(lin.weight)
        mods += [lin, nn.ReLU()]
        width = args.hidden
    mods.append(nn.Linear(width, n_out))
    return nn.Sequential(*mods)


X, y = load_digits(return_X_y=True)
order = rng.permutation(len(X))
X, y = X[order].astype("float32"), y[order]
cut = int(0.8 * len(X))
X = (X - X[:cut].mean()) / X[:cut].std()
Xt, yt = torch.from_numpy(X[:cut]), torch.from_numpy(y[:cut])

model = build(64, 10)
opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
crit = nn.CrossEntropyLoss()
for ep in range(args.epochs):
    total = 0.0
    for idx in np.array_split(rng.permutation(cut), cut // 48):
        out = model(Xt[idx])
        loss = crit(out, yt[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item()
    print(f"[{ep:02d}] {total / (cut // 48):.4f}")

model.eval()
with torch.no_grad():
    pred = model(torch.from_numpy(X[cut:])).argmax(1).numpy()
accuracy = float(accuracy_score(y[cut:], pred))
print("held-out accuracy", accuracy)
