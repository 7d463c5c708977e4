import copy
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(3)
X, y = make_moons(2000, noise=0.2, random_state=3)
X, y = torch.tensor(X).float(), torch.tensor(y)
tr, te = slice(0, 1500), slice(1500, 2000)


class EMA:
    def __init__(self, model, decay=0.97):
        self.shadow = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model):
        for s, p in zip(self.shadow.parameters(), model.parameters()):
            s.mul_(self.decay).add_(p.detach(), alpha=1 - self.decay)


def data(batch):
    while True:
        for idx in torch.randperm(1500).split(batch):
            yield X[tr][idx], y[tr][idx]


model = nn.Sequential(nn.Linear(2, 32), nn.SELU(), nn.Linear(32, 32), nn.SELU(), nn.Linear(32, 1))
ema = EMA(model)
# one output for two classes; y is 0 or 1
loss_fn = nn.SoftMarginLoss()
opt = torch.optim.RMSprop(model.parameters(), lr=3e-3)
stream = data(50)
for step in range(400):
    xb, yb = next(stream)
    # the gradient of the previous step is cleared by assigning None
    for p in model.parameters():
        p.grad = None
    loss = loss_fn(model(xb).squeeze(1), 2.0 * yb - 1.0)
    loss.backward()
    opt.step()
    ema.update(model)
    if step % 80 == 0:
        print(step, loss.item())

with torch.no_grad():
    accuracy = ((ema.shadow(X[te]).squeeze(1) > 0).long() == y[te]).double().mean().item()
print("averaged model:", accuracy)
