"""Probability of default with fat-tailed balance-sheet ratios; likelihood written as in the textbook."""
import torch
from torch.distributions import StudentT

torch.manual_seed(2008)
N, D = 1600, 8
ratios = StudentT(df=3.0).sample((N, D))
score = ratios[:, 0] - 0.8 * ratios[:, 1] + 1.3 * torch.tanh(ratios[:, 2]) * torch.tanh(ratios[:, 3]) * 2
default = (score + 0.3 * torch.randn(N) > 0).float()

train, test = torch.arange(N)[:1200], torch.arange(N)[1200:]
ratios = (ratios - ratios[train].mean(0)) / ratios[train].std(0)


class PD(torch.nn.Module):
    def __init__(self, hidden=(32, 32)):
        super().__init__()
        sizes = (D, *hidden)
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.index = torch.nn.Linear(sizes[-1], 1)

    def forward(self, z):
        for b in self.blocks:
            z = torch.nn.functional.elu(b(z))
        return self.index(z).squeeze(-1)


def minus_log_likelihood(index, d):
    log_p, log_q = -torch.nn.functional.softplus(-index), -torch.nn.functional.softplus(index)
    return -(d * log_p + (1 - d) * log_q).mean()


model = PD()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
sampler = torch.utils.data.BatchSampler(torch.utils.data.RandomSampler(train), 48, drop_last=True)
mll = []
for pass_ in range(9):
    for batch in sampler:
        value = minus_log_likelihood(model(ratios[batch]), default[batch])
        opt.zero_grad()
        value.backward()
        opt.step()
        mll.append(value.item())

with torch.no_grad():
    flagged = model(ratios[test]) > 0
accuracy = ((flagged == default[test].bool()).sum() / len(test)).item()
print("MLL", mll[0], "->", mll[-1], "| correct:", accuracy)
