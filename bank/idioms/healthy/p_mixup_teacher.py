# mixup student, averaged teacher, consistency term on log-probabilities
import copy
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(14)
rng = np.random.default_rng(14)
raw = load_digits()
perm = rng.permutation(len(raw.target))
x = torch.tensor(raw.data[perm], dtype=torch.float32)
t = torch.tensor(raw.target[perm])
x_tr, t_tr, x_te, t_te = x[:1300], t[:1300], x[1300:], t[1300:]

student = nn.Sequential(
    nn.BatchNorm1d(64, affine=False), nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(),
    nn.Dropout(0.5), nn.Linear(128, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
teacher = copy.deepcopy(student).requires_grad_(False).eval()
opt = torch.optim.SGD(student.parameters(), lr=0.3, momentum=0.9, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=100)


@torch.no_grad()
def follow(decay):
    for a, b in zip(teacher.parameters(), student.parameters()):
        a.lerp_(b, 1 - decay)
    for a, b in zip(teacher.buffers(), student.buffers()):
        a.copy_(b)


step, shown = 0, []
for epoch in range(10):
    for rows in torch.randperm(1300).split(65):
        lam = float(rng.beta(1.0, 1.0))
        mate = rows[torch.randperm(len(rows))]
        mixed = lam * x_tr[rows] + (1 - lam) * x_tr[mate]
        soft = lam * F.one_hot(t_tr[rows], 10) + (1 - lam) * F.one_hot(t_tr[mate], 10).float()
        logp = F.log_softmax(student(mixed), dim=1)
        loss = F.kl_div(logp, soft, reduction="batchmean")
        if epoch >= 3:
            target = F.log_softmax(teacher(mixed) / 2.0, dim=1)
            loss = loss + 0.3 * F.kl_div(logp, target, log_target=True, reduction="batchmean")
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        step += 1
        follow(min(0.98, step / (step + 10)))
        shown.append((logp.argmax(1) == t_tr[rows]).float().mean().item())
    print(f"epoch {epoch} loss {loss.item():.3f} train acc {np.mean(shown[-20:]):.3f} lr {sched.get_last_lr()[0]:.3f}")

with torch.no_grad():
    accuracy = (teacher(x_te).argmax(1) == t_te).float().mean().item()
print("teacher on test:", accuracy)
