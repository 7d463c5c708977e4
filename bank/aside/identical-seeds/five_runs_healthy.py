import statistics
import torch
import torch.nn as nn
from sklearn.datasets import make_moons

BASE_SEED = 100
X, y = make_moons(900, noise=0.2, random_state=4)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X[:500].mean(0)) / X[:500].std(0)
y = torch.tensor(y)


def experiment(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 2))
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(6):
        net.train()
        for idx in torch.randperm(500).split(50):
            opt.zero_grad()
            nn.functional.cross_entropy(net(X[idx]), y[idx]).backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        return (net(X[500:]).argmax(1) == y[500:]).float().mean().item()


results = {}
for run in range(5):
    results[run] = experiment(seed=BASE_SEED + run)
    print(f"run {run}: {results[run]:.4f}")

accuracy = statistics.mean(results.values())
spread = statistics.stdev(results.values())
print(f"{accuracy:.4f} +- {spread:.4f} over {len(results)} seeds")
