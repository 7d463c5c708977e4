# Knowledge distillation: big teacher, small pupil, soft targets at T = 3
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_moons, make_blobs

torch.manual_seed(73)


def dataset(n, seed):
    m, a = make_moons(n // 2, noise=0.08, random_state=seed)
    b, c = make_blobs(n // 2, centers=[(2.2, 1.8), (-1.2, -1.4)], cluster_std=0.25, random_state=seed)
    x = torch.tensor(m.tolist() + b.tolist())
    y = torch.tensor(a.tolist() + (c + 2).tolist())
    k = torch.randperm(len(y))
    return x[k], y[k]


x, y = dataset(1000, 1)
xt, yt = dataset(400, 2)
mean, std = x.mean(0), x.std(0)
x, xt = (x - mean) / std, (xt - mean) / std
teacher = nn.Sequential(nn.Linear(2, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 4))
pupil = nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, 4))
T, ALPHA = 3.0, 0.8


def epoch_of(opt, objective):
    for idx in torch.randperm(len(x)).split(40):
        loss = objective(idx)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.item()


teacher.train()
opt_t = torch.optim.Adam(teacher.parameters(), lr=5e-3)
for _ in range(8):
    epoch_of(opt_t, lambda i: F.cross_entropy(teacher(x[i]), y[i]))
teacher.eval().requires_grad_(False)


def distil(i):
    own = pupil(x[i])
    soft = F.kl_div(F.log_softmax(own / T, dim=1), F.log_softmax(teacher(x[i]) / T, dim=1),
                    reduction="batchmean", log_target=True)
    return ALPHA * T * T * soft + (1 - ALPHA) * F.nll_loss(own.log_softmax(1), y[i])


opt_p = torch.optim.Adam(pupil.parameters(), lr=1e-2)
for r in range(20):
    last = epoch_of(opt_p, distil)
    print(f"pupil round {r}: {last:.4f}")

pupil.eval()
with torch.no_grad():
    accuracy = float((pupil(xt).argmax(1) == yt).float().mean())
    print("teacher", float((teacher(xt).argmax(1) == yt).float().mean()), "pupil", accuracy)
