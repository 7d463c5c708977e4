"""A rise and a straight fall of the learning rate, as a function of the step."""

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

torch.manual_seed(11)
PEAK, WARM, STEPS = 0.1, 10, 120
centres = torch.randn(6, 16)
labels = torch.randint(0, 6, (1000,))
points = centres[labels] + 0.7 * torch.randn(1000, 16)
net = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 6))
optimizer = torch.optim.SGD(net.parameters(), lr=PEAK, momentum=0.9)


def rate(step):
    rise, fall = (step + 1) / WARM, (STEPS - step) / (STEPS - WARM)
    return max(min(rise, fall), 0.0)


schedule = LambdaLR(optimizer, rate)
criterion = nn.CrossEntropyLoss()
for _ in range(STEPS):
    rows = torch.randint(0, 800, (40,))
    optimizer.zero_grad()
    loss = criterion(net(points[rows]), labels[rows])
    loss.backward()
    optimizer.step()
    schedule.step()
with torch.no_grad():
    print(f"{(net(points[800:]).argmax(1) == labels[800:]).float().mean():.3f}")
