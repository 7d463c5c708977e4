import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(62)


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight):
        ctx.weight = weight
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return -ctx.weight * grad, None


def domain(n, shift, seed):
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (n,), generator=g)
    means = torch.tensor([[2.0, 0, 0, 0], [-1.0, 1.7, 0, 0], [-1.0, -1.7, 0, 0]])
    x = means[y] + 0.6 * torch.randn(n, 4, generator=g)
    x[:, 2:] += shift
    return x, y


xs, ys = domain(1000, -1.0, 1)
xt, _ = domain(1000, 1.0, 2)          # unlabelled target domain
x_eval, y_eval = domain(500, 1.0, 3)
features = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU())
label_head = nn.Linear(16, 3)
domain_head = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))
modules = nn.ModuleDict({"f": features, "y": label_head, "d": domain_head})
opt = torch.optim.SGD(modules.parameters(), lr=0.05, momentum=0.9)

steps, batch = 300, 50
for step in range(steps):
    weight = 0.3 * step / steps
    a, b = torch.randint(0, 1000, (batch,)), torch.randint(0, 1000, (batch,))
    fs, ft = features(xs[a]), features(xt[b])
    task = F.cross_entropy(label_head(fs), ys[a])
    both = torch.cat([fs, ft])
    is_target = torch.cat([torch.zeros(batch), torch.ones(batch)])
    confusion = F.binary_cross_entropy_with_logits(domain_head(Reverse.apply(both, weight)).squeeze(1), is_target)
    opt.zero_grad()
    (task + confusion).backward()
    opt.step()
    if step % 60 == 0:
        # the domain loss is meant to rise towards log 2
        print(f"{step:4d} task {task.item():.3f} domain {confusion.item():.3f}")

modules.eval()
with torch.no_grad():
    accuracy = (label_head(features(x_eval)).argmax(1) == y_eval).float().mean().item()
print("target accuracy", accuracy)
