"""A teacher labels, a student learns; softmax, detach and several steps are all meant."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
x = torch.randn(1000, 10)
y = (x @ torch.randn(10, 3)).argmax(1)


def net():
    return nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 3))


teacher, student = net(), net()
opt = torch.optim.Adam(teacher.parameters(), lr=1e-2)
for _ in range(60):
    opt.zero_grad()
    F.cross_entropy(teacher(x[:300]), y[:300]).backward()
    opt.step()
teacher.eval()
for p in teacher.parameters():
    p.requires_grad_(False)
opt = torch.optim.Adam(student.parameters(), lr=1e-2)
for i in range(120):
    pick = torch.randint(0, 800, (64,))
    with torch.no_grad():
        soft = teacher(x[pick]).softmax(dim=1)
    student.train()
    loss = -(soft * F.log_softmax(student(x[pick]), dim=1)).sum(dim=1).mean()
    loss = 0.7 * loss + 0.3 * F.cross_entropy(student(x[pick]), soft.argmax(1))
    opt.zero_grad()
    loss.backward()
    opt.step()
student.eval()
with torch.no_grad():
    probabilities = F.softmax(student(x[800:]), dim=1)
print("student", (probabilities.argmax(1) == y[800:]).float().mean().item())
