import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(55)
X, y = load_digits(return_X_y=True)
tr_x, te_x, tr_y, te_y = train_test_split(X, y, test_size=0.3, stratify=y, random_state=55)
mu, sigma = tr_x.mean(), tr_x.std()
tr_x, te_x = [torch.tensor((m - mu) / sigma).float() for m in (tr_x, te_x)]
tr_y, te_y = torch.tensor(tr_y), torch.tensor(te_y)


class Highway(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.t, self.h = nn.Linear(d, d), nn.Linear(d, d)
        nn.init.constant_(self.t.bias, -1.0)

    def forward(self, x):
        gate = self.t(x).sigmoid()
        return gate * self.h(x).relu() + (1 - gate) * x


net = nn.Sequential(Highway(64), Highway(64), nn.Linear(64, 10))


def ridge(module):
    return sum(p.square().sum() for p in module.parameters() if p.dim() > 1)


STRENGTH = 1e-4
opt = torch.optim.SGD(net.parameters(), lr=0.25)
for epoch in range(14):
    fit_term = 0.0
    order = torch.randperm(len(tr_y))
    for rows in order.split(64):
        data_loss = nn.functional.cross_entropy(net(tr_x[rows]), tr_y[rows])
        objective = data_loss + STRENGTH * ridge(net)
        opt.zero_grad()
        objective.backward()
        opt.step()
        fit_term += data_loss.item() * len(rows) / len(order)
    print(f"{epoch} data loss {fit_term:.4f}")
net.eval()
with torch.no_grad():
    accuracy = (net(te_x).argmax(1) == te_y).float().mean().item()
print("accuracy", accuracy)
