import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Ellipses(Dataset):
    """Images of different sizes, hence one at a time: lying, standing or round ellipse."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.items = []
        for _ in range(n):
            h, w = torch.randint(12, 17, (2,), generator=g).tolist()
            kind = int(torch.randint(0, 3, (1,), generator=g))
            a, b = [(4.5, 2.0), (2.0, 4.5), (3.2, 3.2)][kind]
            yy, xx = torch.meshgrid(torch.arange(h) - h / 2, torch.arange(w) - w / 2, indexing="ij")
            mask = ((xx / a) ** 2 + (yy / b) ** 2 <= 1).float() * 1.5
            self.items.append(((mask + 0.4 * torch.randn(h, w, generator=g) - 0.2)[None], kind))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


torch.manual_seed(44)
train, test = Ellipses(600, 5), Ellipses(200, 6)
net = nn.Sequential(nn.Conv2d(1, 12, 3, bias=False), nn.GroupNorm(3, 12), nn.ReLU(), nn.Conv2d(12, 12, 3, 2, bias=False),
                    nn.GroupNorm(3, 12), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(108, 3))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
window = []
for step, (img, kind) in enumerate(DataLoader(train, batch_size=1, shuffle=True)):
    loss = nn.functional.cross_entropy(net(img), kind)
    loss.backward()
    opt.step()
    opt.zero_grad()
    window.append(loss.item())
    if step % 100 == 99:
        print(step + 1, sum(window[-100:]) / 100)
net.eval()
good = 0
with torch.no_grad():
    for img, kind in DataLoader(test):
        good += int(net(img).argmax() == kind)
accuracy = good / len(test)
print("accuracy", accuracy)
