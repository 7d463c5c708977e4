# customer churn (simulated), binary target
import math
import torch
import torch.nn as nn
from torch.optim import lr_scheduler

torch.manual_seed(2718)
N = 2000
age = torch.rand(N) * 50 + 18
spend = torch.randn(N).exp() * 30
calls = torch.poisson(torch.full((N,), 2.0))
months = torch.randint(1, 60, (N,)).float()
risk = 1.6 * (calls - 2) - 0.07 * (months - 30) + 1.2 * torch.sin(age / 6) - 0.9 * (spend.log() - math.log(30)) ** 2 + 0.9
churn = (risk + 0.4 * torch.randn(N) > 0).float()
table = torch.stack([age, spend.log(), calls, months], 1)

fit, held = slice(0, 1500), slice(1500, N)
table = (table - table[fit].mean(0)) / table[fit].std(0)


class ChurnNet(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.risk = nn.Linear(width, 1)

    def forward(self, x):
        z = self.risk(self.trunk(x)).squeeze(-1)
        return torch.sigmoid(z)  # <- fault: sigmoid-before-bce-with-logits

    def flag(self, x):
        return self(x) > 0.5


net = ChurnNet()
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
sched = lr_scheduler.StepLR(opt, step_size=6, gamma=0.3)
for epoch in range(14):
    net.train()
    tally = 0.0
    for i in torch.randperm(1500).split(75):
        opt.zero_grad()
        loss = bce(net(table[fit][i]), churn[fit][i])
        loss.backward()
        opt.step()
        sched.step()  # <- fault: schedule-too-fast
        tally += loss.item() / 20
    print(f"epoch {epoch:2d} loss {tally:.4f}")

net.eval()
with torch.no_grad():
    accuracy = (net.flag(table[held]) == churn[held].bool()).float().mean().item()
print("share of churn", churn[held].mean().item(), "accuracy", accuracy)
