import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

X, y = make_classification(n_samples=1500, n_features=20, n_informative=8, n_classes=3, class_sep=1.2, random_state=9)
X = ((X - X[:700].mean(0)) / X[:700].std(0)).astype(np.float32)
parts = {"train": (X[:700], y[:700]), "val": (X[700:1100], y[700:1100]), "test": (X[1100:], y[1100:])}
parts = {k: (torch.from_numpy(a), torch.from_numpy(b)) for k, (a, b) in parts.items()}


def evaluate(net, part):
    a, b = parts[part]
    net.eval()
    with torch.no_grad():
        return (net(a).argmax(1) == b).float().mean().item()


def experiment(hidden, seed, epochs=6):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(20, hidden), nn.ReLU(), nn.Linear(hidden, 3))
    opt = torch.optim.Adam(net.parameters(), lr=1e-2)
    a, b = parts["train"]
    for _ in range(epochs):
        net.train()
        for ix in torch.randperm(len(a)).split(50):
            opt.zero_grad()
            nn.functional.cross_entropy(net(a[ix]), b[ix]).backward()
            opt.step()
    return net


table = {}
for hidden in (16, 64):
    nets = [experiment(hidden, seed) for seed in range(5)]
    scores = [evaluate(net, "val") for net in nets]
    table[hidden] = (float(np.mean(scores)), nets)
    print(f"hidden {hidden}: {np.mean(scores):.4f} +- {np.std(scores):.4f}")

chosen = max(table, key=lambda h: table[h][0])
final = [evaluate(net, "test") for net in table[chosen][1]]
accuracy = float(np.mean(final))
print("chosen", chosen, "test", accuracy)
