"""Mixture of softmaxes: the network returns log-probabilities of a mixture of experts."""
import torch
from sklearn.datasets import load_digits
from torch import nn


class MixtureOfSoftmaxes(nn.Module):
    def __init__(self, n_in, n_out, experts=3, width=24):
        super().__init__()
        self.gate = nn.Linear(n_in, experts)
        self.trunk = nn.Linear(n_in, experts * width)
        self.heads = nn.Parameter(torch.randn(experts, width, n_out) / width ** 0.5)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, x):
        pi = torch.softmax(self.gate(x), dim=1)
        h = torch.relu(self.trunk(x)).unflatten(1, (self.heads.shape[0], -1))
        per_expert = torch.softmax(torch.einsum("bew,ewk->bek", h, self.heads), dim=-1)
        mixed = (pi.unsqueeze(-1) * per_expert).sum(1)
        return torch.log(mixed.clamp_min(1e-12))


torch.manual_seed(41)
d = load_digits()
x, y = torch.tensor(d.data, dtype=torch.float32), torch.tensor(d.target)
x_train, x_test, y_train, y_test = (*x.tensor_split([1797 - 450]), *y.tensor_split([1797 - 450]))
x_train, x_test = (x_train - 4.9) / 6.0, (x_test - 4.9) / 6.0

net = MixtureOfSoftmaxes(64, 10)
opt = torch.optim.NAdam(net.parameters(), lr=4e-3)
for epoch in range(10):
    for rows in torch.randperm(len(x_train)).split(50):
        loss = nn.functional.nll_loss(net(x_train[rows]), y_train[rows])
        loss.backward()
        opt.step()
        opt.zero_grad()
    print(epoch, round(loss.item(), 4))

with torch.no_grad():
    accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()
print("accuracy", accuracy)
