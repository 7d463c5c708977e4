# %% Homework 9: reading the 8x8 digits with a convolutional network
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(909)
d = load_digits()
pics = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
marks = torch.tensor(d.target)
mix = torch.randperm(len(pics))
train, valid, exam = mix[:1200], mix[1200:1450], mix[1450:]
m, s = pics[train].mean(), pics[train].std()
pics = (pics - m) / s


# %% a network with parallel branches
class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.paths = tuple(nn.Conv2d(1, 6, k, padding=k // 2) for k in (1, 3, 5))  # <- fault: unregistered-submodule
        self.squeeze = nn.Conv2d(18, 6, 1)
        self.head = nn.Linear(6 * 16, 10)

    def forward(self, x):
        x = torch.cat([F.relu(p(x)) for p in self.paths], 1)
        x = F.max_pool2d(F.relu(self.squeeze(x)), 2)
        return self.head(x.flatten(1))


# %% training, two hundred lines on the blackboard
net = Branches()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
plan = torch.optim.lr_scheduler.StepLR(opt, step_size=10, gamma=0.5)  # <- fault: schedule-too-fast
turn = 0
while turn < 300:
    for rows in train[torch.randperm(len(train))].split(40):
        loss = F.cross_entropy(net(pics[rows]), marks[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        plan.step()  # <- fault: schedule-too-fast
        turn += 1
    with torch.no_grad():
        right = (net(pics[valid]).argmax(1) == marks[valid]).float().mean()
    print(turn, f"valid {right:.3f}", f"rate {plan.get_last_lr()[0]:.2g}")

# %% the exam
net.eval()
with torch.no_grad():
    accuracy = (net(pics[exam]).argmax(1) == marks[exam]).float().mean().item()
print("exam:", accuracy)
