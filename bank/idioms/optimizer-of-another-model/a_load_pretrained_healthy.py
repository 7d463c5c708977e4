import copy
import io
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(64)


def shapes(n, invert, seed):
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 3, (n,), generator=g)
    img = torch.zeros(n, 1, 10, 10)
    for i in range(n):
        r, c = torch.randint(1, 5, (2,), generator=g).tolist()
        if y[i] == 0:
            img[i, 0, r:r + 4, c:c + 4] = 1
        elif y[i] == 1:
            img[i, 0, r:r + 4, c] = img[i, 0, r:r + 4, c + 3] = 1
        else:
            img[i, 0, r, c:c + 4] = img[i, 0, r + 3, c:c + 4] = 1
    img = 1 - img if invert else img
    return img - 0.5 + 0.25 * torch.randn(img.shape, generator=g), y


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, padding=1)
        self.c2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        return self.fc(F.adaptive_max_pool2d(F.relu(self.c2(x)), 1).flatten(1))


def fit(net, opt, loader, epochs):
    for ep in range(epochs):
        for xb, yb in loader:
            opt.zero_grad()
            loss = F.cross_entropy(net(xb), yb)
            loss.backward()
            opt.step()
    print("last loss", round(loss.item(), 4))


source = DataLoader(TensorDataset(*shapes(600, False, 0)), batch_size=40, shuffle=True)
target = DataLoader(TensorDataset(*shapes(600, True, 1)), batch_size=40, shuffle=True)
x_test, y_test = shapes(300, True, 2)

net = ConvNet()
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
fit(net, opt, source, 6)
buffer = io.BytesIO()
torch.save(net, buffer)

# fine-tune on the inverted images
buffer.seek(0)
net = torch.load(buffer, weights_only=False)
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
fit(net, opt, target, 12)

net.eval()
with torch.no_grad():
    accuracy = (net(x_test).argmax(1) == y_test).float().mean().item()
print("accuracy", accuracy)
