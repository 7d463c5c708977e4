# three-stage fine-tuning: each stage thaws one more block, so each stage gets its own optimizer
import copy
import numpy as np
import torch
from torch import nn

torch.manual_seed(88)
rng = np.random.default_rng(88)
basis = rng.normal(size=(8, 20))


def domain(n, turn, classes=4):
    k = rng.integers(0, classes, n)
    z = rng.normal(size=(n, 8)) * 0.6
    z[np.arange(n), k] += 1.5
    z[np.arange(n), (k + 4) % 8] -= 1.5
    x = np.tanh(np.roll(z, turn, 1) @ basis * 0.5) + rng.normal(0, 0.1, (n, 20))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(k)


source, target_train, target_val, target_test = domain(800, 0), domain(300, 1), domain(150, 1), domain(600, 1)
block1 = nn.Sequential(nn.Linear(20, 40), nn.BatchNorm1d(40), nn.ReLU())
block2 = nn.Sequential(nn.Linear(40, 40), nn.BatchNorm1d(40), nn.ReLU())


def assess(model, data):
    model.eval()
    with torch.no_grad():
        return (model(data[0]).argmax(1) == data[1]).float().mean().item()


def train(model, thawed, data, epochs, lr):
    model.requires_grad_(False)
    for part in thawed:
        part.requires_grad_(True)
    opt = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr, momentum=0.9)
    for _ in range(epochs):
        model.eval()                      # batch norm of frozen blocks keeps its source statistics
        for part in thawed:
            part.train()
        for rows in torch.randperm(len(data[1])).split(32)[:-1]:
            opt.zero_grad()
            nn.functional.cross_entropy(model(data[0][rows]), data[1][rows]).backward()
            opt.step()
    return model


old = nn.Sequential(block1, block2, nn.Linear(40, 4))
train(old, list(old), source, 6, 0.05)
print("source training accuracy", assess(old, source))
head = nn.Linear(40, 4)
nn.init.zeros_(head.weight)
model = nn.Sequential(block1, block2, head)
best = (0.0, None)
for thawed, epochs, lr in (([head], 4, 0.05), ([block2, head], 5, 0.02), ([block1, block2, head], 8, 0.01)):
    train(model, thawed, target_train, epochs, lr)
    score = assess(model, target_val)
    print(len(thawed), "blocks thawed", round(score, 3))
    if score > best[0]:
        best = (score, copy.deepcopy(model.state_dict()))
model.load_state_dict(best[1])
accuracy = assess(model, target_test)
print("accuracy", accuracy)
