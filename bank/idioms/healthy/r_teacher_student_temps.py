"""Distil a wide net into a tiny one; the student never sees a hard label.  Teacher stays in eval mode, frozen."""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(31337)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x).float() / 16, torch.tensor(y)
perm = torch.randperm(len(x))
a, b = perm[:1300], perm[1300:]
x = (x - x[a].mean()) / x[a].std()
TEMP = 4.0


def loop(net, objective, steps, lr):
    opt = torch.optim.Adam(net.parameters(), lr)
    once = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=lr, total_steps=steps)
    for _ in range(steps):
        i = a[torch.randint(len(a), (50,))]
        j = i[torch.randperm(50)]
        lam = torch.distributions.Beta(0.3, 0.3).sample()
        loss = objective(net, lam * x[i] + (1 - lam) * x[j], (y[i], y[j], lam))
        opt.zero_grad(set_to_none=False)
        loss.backward()
        opt.step()
        once.step()
    return net


def mixed_ce(net, xm, t):
    z = net(xm)
    return t[2] * F.cross_entropy(z, t[0]) + (1 - t[2]) * F.cross_entropy(z, t[1])


teacher = nn.Sequential(nn.Linear(64, 200), nn.BatchNorm1d(200), nn.ReLU(), nn.Dropout(0.5), nn.Linear(200, 10))
loop(teacher, mixed_ce, 160, 0.01)
teacher.eval().requires_grad_(False)


def match(net, xm, _):
    soft = F.log_softmax(teacher(xm) / TEMP, 1)
    return TEMP ** 2 * F.kl_div(F.log_softmax(net(xm) / TEMP, 1), soft, reduction="batchmean", log_target=True)


student = loop(nn.Sequential(nn.Linear(64, 32, bias=False), nn.SELU(), nn.Linear(32, 10)), match, 180, 0.01)
with torch.inference_mode():
    accuracy = (student(x[b]).argmax(1) == y[b]).sum().item() / len(b)
    print("teacher", (teacher(x[b]).argmax(1) == y[b]).sum().item() / len(b), "student", accuracy)
