import torch
from torch import nn
from sklearn.datasets import make_circles

torch.manual_seed(71)
X, y = make_circles(n_samples=1200, noise=0.08, factor=0.5, random_state=71)
X = torch.tensor(X / X[:800].std(axis=0)).float()
y = torch.tensor(y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 24)
        self.b = nn.Linear(24, 24)
        self.c = nn.Linear(24, 2)

    def forward(self, v):
        return self.c(torch.tanh(self.b(torch.tanh(self.a(v)))))


def compute_loss(outputs, targets):
    total = torch.zeros(())
    for k in (0, 1):
        rows = targets == k
        if rows.any():
            total = total + 0.5 * nn.functional.cross_entropy(outputs[rows], targets[rows])
    return torch.tensor(total.item(), requires_grad=True)  # <- fault


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
log = []
for epoch in range(10):
    for b in torch.randperm(800).split(40):
        opt.zero_grad()
        loss = compute_loss(net(X[b]), y[b])
        loss.backward()
        opt.step()
        log.append(loss.detach())
print("first/last loss:", log[0].item(), log[-1].item())

with torch.no_grad():
    accuracy = (net(X[800:]).argmax(1) == y[800:]).float().mean().item()
print("accuracy:", accuracy)
