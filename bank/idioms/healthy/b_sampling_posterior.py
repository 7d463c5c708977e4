"""Monte-Carlo dropout: predictions are the mean of 20 passes with dropout drawn on purpose."""
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(511)
p, t = make_moons(1400, noise=0.2, random_state=511)
p, t = torch.tensor(p, dtype=torch.float32), torch.tensor(t)
p = (p - p[:1000].mean(0)) / p[:1000].std(0)


def sampling(net):
    """Everything in eval mode, only the dropout layers keep drawing."""
    net.eval()
    for m in net.modules():
        if isinstance(m, nn.Dropout):
            m.train()
    return net


@torch.no_grad()
def predictive(net, x, passes=20):
    sampling(net)
    draws = torch.stack([net(x).softmax(dim=1) for _ in range(passes)])
    net.eval()
    return draws.mean(dim=0), draws.std(dim=0)


net = nn.Sequential(nn.Linear(2, 80), nn.LayerNorm(80), nn.ReLU(), nn.Dropout(0.3),
                    nn.Linear(80, 80), nn.LayerNorm(80), nn.ReLU(), nn.Dropout(0.3), nn.Linear(80, 2))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(10):
    net.train()
    for rows in torch.randperm(1000).split(50):
        loss = nn.functional.cross_entropy(net(p[rows]), t[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, round(loss.item(), 4))

mean, spread = predictive(net, p[1000:])
print("mean spread", spread.mean().item())
accuracy = (mean.argmax(dim=1) == t[1000:]).float().mean().item()
print("accuracy", accuracy)
