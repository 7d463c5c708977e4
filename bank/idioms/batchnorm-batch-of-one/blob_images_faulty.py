import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(71)


def textures(n):
    """Four textures: rows, columns, checks, and plain noise."""
    k = torch.randint(4, (n,))
    grid = torch.arange(10)
    rows = (grid % 2).float().mul(2).sub(1)
    base = torch.stack([rows[:, None].expand(10, 10), rows[None, :].expand(10, 10),
                        rows[:, None] * rows[None, :], torch.zeros(10, 10)])
    sign = torch.randint(0, 2, (n, 1, 1)).float() * 2 - 1
    img = sign * base[k] + 1.7 * torch.randn(n, 10, 10)
    return img.unsqueeze(1) / 1.9, k


def conv(i, o, stride=1):
    return nn.Sequential(nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


net = nn.Sequential(conv(1, 8), conv(8, 16, 2), conv(16, 16, 2), conv(16, 24, 2),
                    nn.Flatten(), nn.Linear(96, 4))
train = TensorDataset(*textures(961))
x_new, k_new = textures(400)
loader = DataLoader(train, batch_size=32, shuffle=True)  # <- fault
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
for epoch in range(5):
    net.train()
    for x, k in loader:
        loss = nn.functional.cross_entropy(net(x), k)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
    print("epoch", epoch, "last batch of", len(k), "loss", loss.item())
net.eval()
with torch.no_grad():
    accuracy = (net(x_new).argmax(1) == k_new).float().mean().item()
print("accuracy", accuracy)
