import torch
from torch import nn
import torch.nn.functional as F


class Glyphs(torch.utils.data.Dataset):
    """Corner brackets: which of the four corners of the square is drawn."""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.y = torch.randint(0, 4, (n,), generator=g)
        self.x = 0.45 * torch.randn(n, 1, 14, 14, generator=g)
        place = torch.randint(0, 8, (n, 2), generator=g)
        for i in range(n):
            glyph = torch.zeros(6, 6)
            glyph[0], glyph[:, 0] = 1.0, 1.0
            glyph = torch.rot90(glyph, int(self.y[i]))
            r, c = place[i].tolist()
            self.x[i, 0, r:r + 6, c:c + 6] += glyph

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 10, 3, stride=2)
        self.trunk = nn.ModuleList([nn.Conv2d(10, 10, 3, padding=1) for _ in range(2)])
        self.head = nn.Linear(10, 4)

    def forward(self, x):
        x = F.leaky_relu(self.stem(x))
        for conv in self.trunk:
            x = F.leaky_relu(conv(x))
        return self.head(x.amax((2, 3)))


def parameter_groups(net, lr):
    return [  # <- fault
        {"params": net.stem.parameters(), "lr": lr, "weight_decay": 1e-4},
        {"params": net.head.parameters(), "lr": lr, "weight_decay": 0.0},
    ]


torch.manual_seed(0)
net = Net()
optimizer = torch.optim.Adam(parameter_groups(net, 0.01))  # <- fault
train = torch.utils.data.DataLoader(Glyphs(1200, 1), batch_size=48, shuffle=True)
for epoch in range(10):
    for x, y in train:
        loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: last loss {loss.item():.4f}")
net.eval()
test = Glyphs(500, 2)
with torch.no_grad():
    accuracy = net(test.x).argmax(1).eq(test.y).float().mean().item()
print("accuracy", accuracy)
