import torch
from torch import nn
import torch.nn.functional as F
from torch.distributions import Beta
from sklearn.datasets import load_digits

torch.manual_seed(707)
d = load_digits()
order = torch.randperm(len(d.target))
grey = torch.tensor(d.images, dtype=torch.float32)[order] / 16
target = torch.tensor(d.target)[order]
colour = grey.unsqueeze(1).expand(-1, 3, -1, -1)
norm = torch.tensor([0.31, 0.30, 0.29]).view(3, 1, 1), torch.tensor([0.37, 0.38, 0.39]).view(3, 1, 1)
colour = (colour - norm[0]) / norm[1]
N = 1390


def focal_soft(scores, soft, gamma=1.5):
    logp = F.log_softmax(scores, 1)
    return -(soft * (1 - logp.exp()) ** gamma * logp).sum(1).mean()


def mix(x, y):
    lam = Beta(0.8, 0.8).sample((len(x), 1))
    other = torch.randperm(len(x))
    soft = F.one_hot(y, 10).float()
    return (lam[..., None, None] * x + (1 - lam[..., None, None]) * x[other], lam * soft + (1 - lam) * soft[other])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 20, 3, bias=False)
        self.bn = nn.BatchNorm2d(20)
        self.shared = nn.Conv2d(20, 20, 3, padding=1)
        self.out = nn.Linear(180, 10)

    def forward(self, x):
        x = F.relu(self.bn(self.c(x)))
        x = x + F.relu(self.shared(x))
        x = x + F.relu(self.shared(x))
        return self.out(F.max_pool2d(x, 2).flatten(1))


net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
for epoch in range(8):
    net.train()
    seen = hits = 0
    for rows in torch.randperm(N).split(60):
        x, soft = mix(colour[rows], target[rows])
        out = net(x)
        loss = focal_soft(out, soft)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        hits, seen = hits + (out.argmax(1) == target[rows]).sum().item(), seen + len(rows)
    opt.param_groups[0]["lr"] = 0.1 * (1 - (epoch + 1) / 8) ** 2 + 1e-3
    print(f"epoch {epoch} train accuracy {hits / seen:.3f} loss {loss.item():.3f}")
net.eval()
with torch.no_grad():
    accuracy = (net(colour[N:]).argmax(1) == target[N:]).float().mean().item()
print("accuracy", accuracy)
