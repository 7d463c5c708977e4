"""The net comes from a module beside the script."""

import torch
from parts.nets import make_net
from torch import nn, optim

torch.manual_seed(3)
g = torch.Generator().manual_seed(3)
x = torch.rand(900, 16, generator=g) - 0.5
y = (x[:, :4].sum(1) > 0).long() + 2 * (x[:, 4:8].sum(1) > 0).long()
train_x, train_y, test_x, test_y = x[:700], y[:700], x[700:], y[700:]

net = make_net(16, 4)
opt = optim.Adam(net.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()


def epoch_of(batch_size=50):
    net.train()
    perm = torch.randperm(len(train_x))
    losses = []
    for chunk in perm.split(batch_size):
        loss = criterion(net(train_x[chunk]), train_y[chunk])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


for i in range(8):
    mean_loss = epoch_of()
net.eval()
with torch.no_grad():
    scores = net(test_x)
print("accuracy", (scores.argmax(dim=-1) == test_y).float().mean().item())
