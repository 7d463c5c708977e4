import torch
from torch import nn
from sklearn.datasets import load_digits


class Net(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 14, 3), nn.ReLU(), nn.Conv2d(14, 20, 3, 2), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(80, outputs)

    def forward(self, x):
        return self.head(self.features(x))


def sweep(net, opt, x, y, epochs):
    for epoch in range(epochs):
        net.train()
        acc = 0.0
        for rows in torch.randperm(len(y)).split(45):
            loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()  # <- fault
            acc += loss.item() * len(rows) / len(y)
        print(f"  {epoch} {acc:.4f}")


torch.manual_seed(515)
d = load_digits()
mix = torch.randperm(1797)
x, y = torch.tensor(d.images)[mix].float().unsqueeze(1), torch.tensor(d.target)[mix]
x = (x - x[:1350].mean()) / x[:1350].std()
x_fit, y_fit, x_out, y_out = x[:1350], y[:1350], x[1350:], y[1350:]

print("first task: odd or even")
net = Net(2)
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
sweep(net, opt, x_fit, y_fit % 2, 3)
print("second task: which digit")
net.head = nn.Linear(80, 10)  # <- fault
sweep(net, opt, x_fit, y_fit, 6)
net.eval()
with torch.no_grad():
    accuracy = (net(x_out).argmax(1) == y_out).float().mean().item()
print("accuracy", accuracy)
