"""Large batches by accumulation: summed losses, gradients divided by the number of rows just before the step."""
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(541)
X, y = (torch.as_tensor(a) for a in load_digits(return_X_y=True))
X = (X.float() - 4.88) / 6.0
o = torch.randperm(len(y))
fit, held = o[:1450], o[1450:]
net = nn.Sequential(nn.Linear(64, 72), nn.Mish(), nn.Linear(72, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.8)
summed = nn.CrossEntropyLoss(reduction="sum")
MICRO, GROUP = 16, 4


def update(rows_seen):
    for p in net.parameters():
        p.grad.div_(rows_seen)
    opt.step()
    opt.zero_grad(set_to_none=False)


for epoch in range(7):
    net.train()
    rows_seen, total = 0, 0.0
    for k, rows in enumerate(fit[torch.randperm(len(fit))].split(MICRO), start=1):
        loss = summed(net(X[rows]), y[rows])
        loss.backward()
        rows_seen += len(rows)
        total += loss.item()
        if k % GROUP == 0:
            update(rows_seen)
            rows_seen = 0
    if rows_seen:
        update(rows_seen)
    print(f"epoch {epoch}: {total / len(fit):.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net(X[held]).argmax(1) == y[held]).double().mean().item()
print("accuracy", accuracy)
