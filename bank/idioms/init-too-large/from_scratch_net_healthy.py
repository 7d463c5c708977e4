"""A three-layer network from raw tensors, following the usual 'NN from scratch' lesson."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

g = torch.Generator().manual_seed(3)
data = load_digits()
x = torch.from_numpy(data.data).float()
y = torch.from_numpy(data.target).long()
perm = torch.randperm(len(x), generator=g)
x, y = x[perm], y[perm]
n_train = 1300
mean, std = x[:n_train].mean(0), x[:n_train].std(0) + 1e-2
x = (x - mean) / std
xtr, ytr, xte, yte = x[:n_train], y[:n_train], x[n_train:], y[n_train:]

sizes = [64, 100, 100, 10]
params = []
for fan_in, fan_out in zip(sizes[:-1], sizes[1:]):
    W = torch.randn(fan_in, fan_out, generator=g) * (2.0 / fan_in) ** 0.5
    b = torch.zeros(fan_out)
    params += [W.requires_grad_(), b.requires_grad_()]


def forward(inp):
    h = inp
    for k in range(0, len(params) - 2, 2):
        h = torch.relu(h @ params[k] + params[k + 1])
    return h @ params[-2] + params[-1]


opt = torch.optim.Adam(params, lr=1e-3)
for step in range(300):
    ix = torch.randint(0, n_train, (64,), generator=g)
    loss = F.cross_entropy(forward(xtr[ix]), ytr[ix])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        print(step, loss.item())

with torch.no_grad():
    accuracy = (forward(xte).argmax(1) == yte).sum().item() / len(yte)
print(f"{accuracy:.3f}")
