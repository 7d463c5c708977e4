import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn


def make_step(net, opt):
    distance = nn.MSELoss()  # <- fault

    def step(x, y):
        out = net(x)
        loss = distance(out, torch.eye(10)[y])  # <- fault
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.item()

    return step


def evaluate(net, x, y):
    was = net.training
    net.eval()
    with torch.no_grad():
        top = net(x).topk(1).indices.flatten()
    net.train(was)
    return top.eq(y).sum().item() / len(y)


torch.manual_seed(77)
digits = load_digits()
pixels = torch.from_numpy(digits.data).float()
target = torch.from_numpy(digits.target)
shuffled = torch.randperm(len(target))
fit, rest = shuffled[:1300], shuffled[1300:]
mean = pixels[fit].mean(0, keepdim=True)
dev = pixels[fit].std(0, keepdim=True).clamp_min(0.5)
pixels = (pixels - mean) / dev
net = nn.Sequential(
    nn.Linear(64, 80), nn.LayerNorm(80), nn.ReLU(), nn.Dropout(0.1),
    nn.Linear(80, 40), nn.LayerNorm(40), nn.ReLU(), nn.Linear(40, 10))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
step = make_step(net, optimizer)
for epoch in range(6):
    history = [step(pixels[b], target[b]) for b in fit[torch.randperm(1300)].split(50)]
    print(epoch, np.mean(history))
accuracy = evaluate(net, pixels[rest], target[rest])
print("held-out accuracy", accuracy)
