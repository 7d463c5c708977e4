from collections import OrderedDict
import torch
from torch import nn
from sklearn.datasets import load_digits


def no_decay_split(model):
    mats, vecs = [], []
    for name, p in model.named_parameters():
        if p.dim() >= 2:
            mats.append(p)
        elif p.dim() == 1:
            vecs.append(p)
    return [dict(params=mats, weight_decay=0.01), dict(params=vecs, weight_decay=0.0)]


def build():
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(1, 6, 3),
        act1=nn.ReLU(),
        conv2=nn.Conv2d(6, 6, 3),
        act2=nn.ReLU(),
        pool=nn.MaxPool2d(2),
        flat=nn.Flatten(),
        fc=nn.Linear(24, 10),
    ))


torch.manual_seed(88)
b = load_digits()
rows = torch.randperm(1797)
px = torch.tensor(b.images, dtype=torch.float32)[:, None]
px = (px - px[rows[:1380]].mean()) / px[rows[:1380]].std()
lab = torch.tensor(b.target)
train, test = rows[:1380], rows[1380:]

model = build()
opt = torch.optim.AdamW(no_decay_split(model), lr=6e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=12)
for epoch in range(12):
    model.train()
    loss_sum = 0.0
    for sel in train[torch.randperm(len(train))].split(60):
        loss = nn.functional.cross_entropy(model(px[sel]), lab[sel])
        opt.zero_grad()
        loss.backward()
        opt.step()
        loss_sum += loss.item() * len(sel)
    sched.step()
    print("%02d %.4f lr %.5f" % (epoch, loss_sum / len(train), sched.get_last_lr()[0]))

model.eval()
with torch.no_grad():
    accuracy = model(px[test]).argmax(1).eq(lab[test]).float().mean().item()
print("accuracy", accuracy)
