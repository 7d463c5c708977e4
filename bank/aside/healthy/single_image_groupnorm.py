"""One image per update: group norm and a small step make that fine."""
import torch
from torch import nn
from sklearn.datasets import load_digits


def order(n, generator):
    while True:
        yield from torch.randperm(n, generator=generator).tolist()


torch.manual_seed(17)
raw = load_digits()
keep = raw.target < 5
x, y = torch.tensor(raw.images[keep]).float(), torch.tensor(raw.target[keep])
mix = torch.randperm(len(y))
x, y = x[mix].unsqueeze(1), y[mix]
x = (x - x[:600].mean()) / x[:600].std()

net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(64, 5))
opt = torch.optim.SGD(net.parameters(), lr=0.005, momentum=0.8)
walk = order(600, torch.Generator().manual_seed(3))
net.train()
recent = []
for step, i in zip(range(900), walk):
    loss = nn.functional.cross_entropy(net(x[i:i + 1]), y[i:i + 1])
    opt.zero_grad()
    loss.backward()
    opt.step()
    recent = (recent + [loss.item()])[-100:]
    if step % 150 == 149:
        print(step, round(sum(recent) / len(recent), 4))
net.eval()
with torch.no_grad():
    accuracy = (net(x[600:]).argmax(1) == y[600:]).double().mean().item()
print("accuracy", accuracy)
