# %% Lesson 6 - recognising 16x16 shapes
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(6)
names = ["disc", "ring", "square", "cross", "bar", "wave"]
grid = torch.stack(torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij"))


def draw(kind):
    cy, cx = (torch.rand(2) - 0.5) * 0.5
    yy, xx = grid[0] - cy, grid[1] - cx
    r, s = (yy ** 2 + xx ** 2).sqrt(), 0.4 + 0.2 * torch.rand(1)
    pic = {
        0: r < s, 1: (r - s).abs() < 0.14, 2: torch.maximum(yy.abs(), xx.abs()) < s,
        3: (yy.abs() < 0.14) | (xx.abs() < 0.14), 4: yy.abs() < 0.2,
        5: (yy - 0.4 * torch.sin(math.pi * xx * 1.5)).abs() < 0.17,
    }[kind].float()
    return pic + 0.35 * torch.randn(16, 16)


# %% make the data, targets as unit vectors (see the slides)
answers = torch.randint(0, 6, (900,))
pictures = torch.stack([draw(int(k)) for k in answers])[:, None]
targets = torch.eye(6)[answers]
learn, check = slice(0, 650), slice(650, 900)
mean, std = pictures[learn].mean(), pictures[learn].std()
pictures = (pictures - mean) / std

# %% the network
net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(16 * 4 * 4, 6),
)


def objective(scores, wanted):
    return F.cross_entropy(scores, wanted, reduction="none").mean()


# %% training
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for lap in range(7):
    seq = torch.randperm(650)
    running = 0.0
    for i in range(0, 650, 26):
        pick = seq[i:i + 26]
        opt.zero_grad()
        value = objective(net(pictures[learn][pick]), targets[learn][pick])
        value.backward()
        opt.step()
        running += value.item() / 25
    print(f"lap {lap}: {running:.4f}")

# %% how good is it?
net.eval()
with torch.no_grad():
    guessed = net(pictures[check]).argmax(dim=1)
accuracy = float((guessed == answers[check]).float().mean())
print(f"{accuracy:.1%} of the unseen pictures named correctly")
