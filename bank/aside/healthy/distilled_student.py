import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

torch.manual_seed(28)
X, y = make_classification(1800, 20, n_informative=12, n_classes=5, n_clusters_per_class=1, class_sep=1.6, random_state=28)
sc = StandardScaler().fit(X[:1300])
X, y = torch.tensor(sc.transform(X)).float(), torch.tensor(y)
Xtr, ytr, Xte, yte = X[:1300], y[:1300], X[1300:], y[1300:]

teacher = nn.Sequential(nn.Linear(20, 128), nn.GELU(), nn.Dropout(0.2), nn.Linear(128, 5))
student = nn.Sequential(nn.Linear(20, 12), nn.GELU(), nn.Linear(12, 5), nn.LogSoftmax(dim=-1))


def epochs(n, params, lr, loss_of):
    opt = torch.optim.AdamW(params, lr=lr)
    for _ in range(n):
        for idx in torch.randperm(1300).split(65):
            opt.zero_grad()
            loss = loss_of(Xtr[idx], ytr[idx])
            loss.backward()
            opt.step()
    return loss.item()


print("teacher", epochs(6, teacher.parameters(), 3e-3, lambda a, b: F.cross_entropy(teacher(a), b)))
teacher.eval()
for q in teacher.parameters():
    q.requires_grad_(False)
T = 3.0


def soft_loss(a, b):
    with torch.no_grad():
        goal = F.log_softmax(teacher(a) / T, dim=-1)
    logp = student(a)
    kd = F.kl_div(F.log_softmax(logp / T, dim=-1), goal, log_target=True, reduction="batchmean") * T * T
    return 0.7 * kd + 0.3 * F.nll_loss(logp, b)


print("student", epochs(9, student.parameters(), 1e-2, soft_loss))
student.eval()
with torch.no_grad():
    accuracy = (student(Xte).argmax(1) == yte).float().mean().item()
print("student accuracy", accuracy)
