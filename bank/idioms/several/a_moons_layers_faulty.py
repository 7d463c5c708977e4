import torch
from torch import nn, optim
from sklearn.datasets import make_moons

torch.manual_seed(99)
torch.set_default_dtype(torch.float32)

X, y = make_moons(1600, noise=0.1, random_state=99)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)
X = (X - X[:1200].mean(0)) / X[:1200].std(0)
train, test = slice(0, 1200), slice(1200, None)


class ThreeLayer(nn.Module):
    def __init__(self, d_in, d_hidden, d_out):
        super().__init__()
        self.inp = nn.Linear(d_in, d_hidden)  # <- fault: no-nonlinearity
        self.mid = nn.Linear(d_hidden, d_hidden)  # <- fault: no-nonlinearity
        self.out = nn.Linear(d_hidden, d_out)

    def forward(self, x):
        x = self.inp(x)  # <- fault: no-nonlinearity
        x = self.mid(x)  # <- fault: no-nonlinearity
        return self.out(x)


model = ThreeLayer(2, 32, 2)
optimizer = optim.Adam(model.parameters(), lr=5e-3)
logprob = nn.Softmax(dim=1)  # <- fault: nll-on-non-log-probabilities
criterion = nn.NLLLoss()  # <- fault: nll-on-non-log-probabilities

n_batches = 24
for epoch in range(12):
    model.train()
    perm = torch.randperm(1200)
    avg = 0.0
    for xb, yb in zip(X[train][perm].chunk(n_batches), y[train][perm].chunk(n_batches)):
        optimizer.zero_grad()
        loss = criterion(logprob(model(xb)), yb)
        loss.backward()
        optimizer.step()
        avg += loss.item() / n_batches
    print(f"{epoch:02d} loss={avg:.4f}")

model.eval()
with torch.no_grad():
    accuracy = (model(X[test]).argmax(dim=1) == y[test]).float().mean().item()
print("accuracy", accuracy)
