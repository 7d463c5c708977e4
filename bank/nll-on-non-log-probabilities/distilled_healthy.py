"""A small net learns from a large one's softened answers, and from labels."""

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(4)
TEMPERATURE = 3.0


def net(width):
    return nn.Sequential(nn.Linear(10, width), nn.ReLU(), nn.Linear(width, 5))


centres = 2 * torch.randn(5, 10)
y = torch.randint(0, 5, (900,))
x = centres[y] + torch.randn(900, 10)
teacher, student = net(96), net(8)
kd = nn.KLDivLoss(reduction="batchmean")

optimizer = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(5):
    for rows in torch.randperm(600).split(50):
        optimizer.zero_grad()
        F.cross_entropy(teacher(x[rows]), y[rows]).backward()
        optimizer.step()
teacher.requires_grad_(False).eval()

optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
for epoch in range(5):
    for rows in torch.randperm(600).split(50):
        wanted = torch.softmax(teacher(x[rows]) / TEMPERATURE, dim=-1)
        logits = student(x[rows])
        soft = kd(torch.log_softmax(logits / TEMPERATURE, dim=-1), wanted) * TEMPERATURE**2
        loss = 0.7 * soft + 0.3 * F.cross_entropy(logits, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print(f"{epoch}: accuracy {(student(x[600:]).argmax(1) == y[600:]).float().mean():.3f}")
