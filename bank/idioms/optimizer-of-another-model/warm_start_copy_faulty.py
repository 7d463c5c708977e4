import copy
import torch
from torch import nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(23)
data = load_digits()
x = torch.tensor(data.data, dtype=torch.float32)
y = torch.tensor(data.target)
gen = torch.Generator().manual_seed(23)
order = torch.randperm(len(x), generator=gen)
tr, te = order[:1400], order[1400:]
x = (x - x[tr].mean()) / x[tr].std()

template = nn.Sequential(nn.Linear(64, 72), nn.ELU(), nn.Linear(72, 10))
for layer in template:
    if isinstance(layer, nn.Linear):
        nn.init.orthogonal_(layer.weight)
        nn.init.zeros_(layer.bias)


def prepare(net):
    """A private copy is trained, the template stays as it is for the next run."""
    mine = copy.deepcopy(net)
    solver = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.8)  # <- fault
    return mine, solver


def fit(net, loader, rounds):
    mine, solver = prepare(net)
    for r in range(rounds):
        mean = 0.0
        for bx, by in loader:
            solver.zero_grad()
            loss = nn.functional.cross_entropy(mine(bx), by)
            loss.backward()
            solver.step()  # <- fault
            mean += loss.item() / len(loader)
        print(f"round {r} loss {mean:.4f}")
    return mine


loader = DataLoader(TensorDataset(x[tr], y[tr]), batch_size=70, shuffle=True, generator=gen)
trained = fit(template, loader, 8).eval()
with torch.no_grad():
    accuracy = trained(x[te]).argmax(1).eq(y[te]).float().mean().item()
print("accuracy", accuracy)
