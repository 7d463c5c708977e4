"""Predictions are averages over 20 passes with dropout left on (Monte-Carlo dropout), weights of the batch norm at rest."""
import torch
from torch import nn
from torch.func import functional_call
from sklearn.datasets import make_moons

torch.manual_seed(909)
pts, lab = make_moons(1900, noise=0.2, random_state=90)
pts, lab = torch.tensor(pts).float(), torch.tensor(lab)
pts = (pts - pts[:1400].mean(0)) / pts[:1400].std(0)


class Member(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(2, 64), nn.Linear(64, 64), nn.Linear(64, 2, bias=False)
        self.bn, self.drop = nn.BatchNorm1d(64), nn.Dropout(0.2)

    def forward(self, x):
        x = self.drop(torch.relu(self.bn(self.a(x))))
        return self.c(self.drop(torch.relu(self.b(x))))


def monte_carlo(net, x, passes=20):
    net.eval()
    for m in net.modules():
        if isinstance(m, nn.Dropout):
            m.train()
    with torch.no_grad():
        return torch.stack([net(x).softmax(-1) for _ in range(passes)]).mean(0)


def train(seed):
    torch.manual_seed(seed)
    net = Member()
    opt = torch.optim.RAdam(net.parameters(), lr=0.03)
    for epoch in range(12):
        net.train()
        for rows in torch.randperm(1400).split(70):
            loss = nn.functional.cross_entropy(functional_call(net, dict(net.named_parameters()), (pts[rows],)), lab[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
    print("seed", seed, "loss", loss.item())
    return net


members = [train(s) for s in (1, 2, 3)]
votes = torch.stack([monte_carlo(net, pts[1400:]) for net in members]).mean(0)
accuracy = (votes.argmax(1) == lab[1400:]).float().mean().item()
print("accuracy", accuracy)
