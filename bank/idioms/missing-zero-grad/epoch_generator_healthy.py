import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(14)


def minibatches(x, y, size, rounds):
    for r in range(rounds):
        order = torch.randperm(len(y))
        yield r, [(x[o], y[o]) for o in order.split(size)]


class Squeeze(nn.Module):
    def __init__(self):
        super().__init__()
        self.local = nn.Conv2d(1, 20, 3)
        self.point = nn.Conv2d(20, 20, 1)
        self.cls = nn.LazyLinear(10)

    def forward(self, x):
        x = nn.functional.hardswish(self.local(x))
        x = nn.functional.hardswish(self.point(x))
        return self.cls(nn.functional.avg_pool2d(x, 2).flatten(1))


d = load_digits()
p = torch.randperm(1797)
img, lab = torch.tensor(d.images, dtype=torch.float32)[p].unsqueeze(1), torch.tensor(d.target)[p]
img = (img - img[:1350].mean()) / img[:1350].std()
net = Squeeze()
net(img[:2])
opt = torch.optim.SGD(net.parameters(), lr=0.1)
lossf = nn.CrossEntropyLoss()

for r, todo in minibatches(img[:1350], lab[:1350], 27, 10):
    value = 0.0
    for bx, by in todo:
        opt.zero_grad()
        loss = lossf(net(bx), by)
        loss.backward()
        opt.step()
        value += loss.item() / len(todo)
    print(r, round(value, 4))

net.eval()
with torch.no_grad():
    wrong = net(img[1350:]).argmax(1) != lab[1350:]
accuracy = 1.0 - wrong.float().mean().item()
print("accuracy", accuracy)
