"""Mixture of experts with a softmax gate; the class probabilities are mixed in log space."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Refine(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.lin = nn.Linear(d, d)

    def forward(self, h):
        return h + torch.relu(self.lin(h))


class Experts(nn.Module):
    def __init__(self, d_in, d, k, classes, loops=3):
        super().__init__()
        self.inp = nn.Linear(d_in, d)
        refine = Refine(d)
        self.core = nn.Sequential(*[refine for _ in range(loops)])
        self.gate = nn.Sequential(nn.Linear(d, k), nn.LogSoftmax(dim=1))
        self.experts = nn.ModuleList([nn.Linear(d, classes) for _ in range(k)])

    def forward(self, x):
        h = self.core(self.inp(x))
        logp = torch.stack([e(h).log_softmax(-1) for e in self.experts], dim=1)
        return torch.logsumexp(self.gate(h).unsqueeze(-1) + logp, dim=1)


def sectors(n, gen):
    xy = 4 * torch.rand(n, 2, generator=gen) - 2
    label = (xy[:, 0] > 0).long() * 2 + (xy[:, 1] > xy[:, 0].sin()).long()
    return xy, label


gen = torch.Generator().manual_seed(111)
torch.manual_seed(111)
train = TensorDataset(*sectors(1000, gen))
test_x, test_y = sectors(500, gen)
# rows are drawn anew in every epoch, so the loader itself need not shuffle
net = Experts(2, 32, 3, 4)
opt = torch.optim.Adam(net.parameters(), lr=1e-2, betas=(0.9, 0.99))
nll = nn.NLLLoss()
for epoch in range(14):
    net.train()
    mixed = TensorDataset(*train[torch.randperm(1000, generator=gen)])
    for x, y in DataLoader(mixed, batch_size=50, shuffle=False):
        opt.zero_grad()
        loss = nll(net(x), y)
        loss.backward()
        opt.step()
    if epoch == 9:
        opt.param_groups[0]["lr"] *= 0.2
    print(epoch, loss.item())

net.eval()
with torch.no_grad():
    accuracy = (net(test_x).exp().argmax(1) == test_y).float().mean().item()
print("accuracy", accuracy)
