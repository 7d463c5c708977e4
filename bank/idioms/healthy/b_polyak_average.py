import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Ema:
    def __init__(self, model, decay=0.97):
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def update(self, model):
        for k, v in model.state_dict().items():
            if v.dtype.is_floating_point:
                self.shadow[k].lerp_(v.detach(), 1 - self.decay)
            else:
                self.shadow[k].copy_(v)

    def swap(self, model):
        live = {k: v.detach().clone() for k, v in model.state_dict().items()}
        model.load_state_dict(self.shadow)
        return live


torch.manual_seed(83)
d = load_digits()
x = (torch.tensor(d.images, dtype=torch.float32)[:, None] - 4.9) / 6.0
y = torch.tensor(d.target)
p = torch.randperm(len(y))
x, y = x[p], y[p]
model = nn.Sequential(nn.Conv2d(1, 16, 3, bias=False), nn.BatchNorm2d(16), nn.SiLU(),
                      nn.Conv2d(16, 24, 3, bias=False), nn.BatchNorm2d(24), nn.SiLU(),
                      nn.MaxPool2d(2), nn.Flatten(), nn.Linear(96, 10))
ema = Ema(model)
opt = torch.optim.SGD(model.parameters(), lr=0.4, momentum=0.9, weight_decay=5e-4)
total = 6 * 28
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda t: min((t + 1) / 25, (total - t) / (total - 25)))
for epoch in range(6):
    model.train()
    for ix in torch.randperm(1400).split(50):
        opt.zero_grad()
        loss = F.cross_entropy(model(x[ix]), y[ix], label_smoothing=0.1)
        loss.backward()
        opt.step()
        sched.step()
        ema.update(model)
    live = ema.swap(model)
    model.eval()
    with torch.no_grad():
        accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
    print(epoch, loss.item(), accuracy)
    model.load_state_dict(live)
