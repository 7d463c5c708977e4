"""One block applied three times (weights shared over depth), tied decoder, then a temperature fitted on validation data."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Recurrent(nn.Module):
    def __init__(self, dim=64, hidden=96, rounds=3):
        super().__init__()
        self.embed = nn.Linear(dim, hidden)
        self.block = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, hidden), nn.ReLU())
        self.decoder_bias = nn.Parameter(torch.zeros(dim))
        self.classify = nn.Linear(hidden, 10)
        self.rounds = rounds

    def forward(self, x):
        h = self.embed(x)
        for _ in range(self.rounds):
            h = h + self.block(h)
        return self.classify(h), F.linear(h, self.embed.weight.t(), self.decoder_bias)


torch.manual_seed(58)
d = load_digits()
x, y = torch.tensor(d.data).float() / 16, torch.tensor(d.target)
p = torch.randperm(len(x))
train, val, test = p[:1200], p[1200:1450], p[1450:]
net = Recurrent()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(9):
    net.train()
    for ix in train[torch.randperm(len(train))].split(60):
        logits, back = net(x[ix])
        loss = F.cross_entropy(logits, y[ix]) + 0.1 * F.mse_loss(back, x[ix])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))

net.eval()
with torch.no_grad():
    held = net(x[val])[0]
log_t = torch.zeros((), requires_grad=True)
calibrate = torch.optim.Adam([log_t], lr=0.05)
for _ in range(60):
    calibrate.zero_grad()
    nll = F.cross_entropy(held / log_t.exp(), y[val])
    nll.backward()
    calibrate.step()
print("temperature", log_t.exp().item(), "nll", nll.item())
with torch.no_grad():
    prob = F.softmax(net(x[test])[0] / log_t.exp(), dim=1)
accuracy = (prob.argmax(1) == y[test]).float().mean().item()
print(accuracy)
