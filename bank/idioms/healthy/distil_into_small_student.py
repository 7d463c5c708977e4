import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

T, MIX = 3.0, 0.7
torch.manual_seed(303)
X, y = load_digits(return_X_y=True)
Xa, Xb, ya, yb = train_test_split(X, y, test_size=0.25, stratify=y, random_state=303)
m, s = Xa.mean(), Xa.std()
Xa, Xb = torch.tensor((Xa - m) / s).float(), torch.tensor((Xb - m) / s).float()
ya, yb = torch.tensor(ya), torch.tensor(yb)
teacher = nn.Sequential(nn.Linear(64, 160), nn.ReLU(), nn.Dropout(0.4), nn.Linear(160, 10))
student = nn.Sequential(nn.Linear(64, 32), nn.SELU(), nn.Linear(32, 10))
nn.init.zeros_(student[2].weight)


def fit(net, objective, epochs, lr):
    opt = torch.optim.Adam(net.parameters(), lr=lr)
    net.train()
    for epoch in range(epochs):
        for rows in torch.randperm(len(ya)).split(64):
            opt.zero_grad()
            loss = objective(net(Xa[rows]), rows)
            loss.backward()
            opt.step()
    print("final loss", round(loss.item(), 4))
    return net.eval()


fit(teacher, lambda out, rows: F.cross_entropy(out, ya[rows], label_smoothing=0.05), 10, 2e-3)
for p in teacher.parameters():
    p.requires_grad = False
with torch.no_grad():
    soft = F.log_softmax(teacher(Xa) / T, dim=1)


def imitate(out, rows):
    kl = F.kl_div(F.log_softmax(out / T, dim=1), soft[rows], reduction="batchmean", log_target=True) * T * T
    return MIX * kl + (1 - MIX) * F.nll_loss(F.log_softmax(out, dim=1), ya[rows])


fit(student, imitate, 14, 4e-3)
with torch.no_grad():
    accuracy = (student(Xb).argmax(1) == yb).float().mean().item()
print("student accuracy", accuracy)
