"""A small student learns from the log-probabilities of a teacher ensemble."""
import torch
import torch.nn.functional as F
from torch import nn
from sklearn.datasets import make_moons, make_circles
import numpy as np


def two_sets(n, seed):
    a, la = make_moons(n // 2, noise=0.12, random_state=seed)
    b, lb = make_circles(n - n // 2, noise=0.06, factor=0.5, random_state=seed)
    X, y = np.concatenate([a, b + [4.0, 0.0]]), np.concatenate([la, lb + 2])
    return torch.tensor((X - [2.2, 0.1]) / [1.9, 0.65], dtype=torch.float32), torch.tensor(y)


def mlp(h):
    return nn.Sequential(nn.Linear(2, h), nn.Tanh(), nn.Linear(h, h), nn.Tanh(), nn.Linear(h, 4))


x_train, y_train = two_sets(1200, 1)
x_test, y_test = two_sets(600, 2)
teachers = []
for seed in (1, 2):
    torch.manual_seed(seed)
    net = mlp(48)
    opt = torch.optim.Adam(net.parameters(), lr=0.02)
    for step in range(150):
        ix = torch.randint(0, len(x_train), (100,))
        loss = F.cross_entropy(net(x_train[ix]), y_train[ix])
        opt.zero_grad()
        loss.backward()
        opt.step()
    teachers.append(net.eval().requires_grad_(False))

T = 2.0
torch.manual_seed(3)
student = mlp(20)
opt = torch.optim.Adam(student.parameters(), lr=0.02)
for step in range(220):
    ix = torch.randint(0, len(x_train), (100,))
    with torch.no_grad():
        goal = torch.stack([F.log_softmax(t(x_train[ix]) / T, dim=1) for t in teachers]).logsumexp(0) - np.log(2)
    out = F.log_softmax(student(x_train[ix]) / T, dim=1)
    loss = T * T * F.kl_div(out, goal, reduction="batchmean", log_target=True)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 55 == 0:
        print(step, loss.item())
with torch.no_grad():
    accuracy = (student(x_test).argmax(1) == y_test).float().mean().item()
print("student", accuracy)
