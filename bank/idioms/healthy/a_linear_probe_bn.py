import io
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(57)


def blobs(n, quadrant_of, seed):
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 4, (n,), generator=g)
    img = 0.4 * torch.randn(n, 1, 12, 12, generator=g)
    for i in range(n):
        r, c = quadrant_of[int(y[i])]
        dr, dc = torch.randint(0, 3, (2,), generator=g).tolist()
        img[i, 0, r + dr:r + dr + 3, c + dc:c + dc + 3] += 1.5
    return TensorDataset(img, y)


corners = [(0, 0), (0, 6), (6, 0), (6, 6)]
pre = DataLoader(blobs(600, corners, 0), batch_size=60, shuffle=True)
new = DataLoader(blobs(300, corners[::-1], 1), batch_size=30, shuffle=True)
test = blobs(300, corners[::-1], 2)


class Net(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3),
                                      nn.Flatten(), nn.Linear(128, 32), nn.BatchNorm1d(32), nn.ReLU())
        self.head = nn.Linear(32, n_out)

    def forward(self, x):
        return self.head(self.backbone(x))


def fit(net, loader, params, lr, epochs, frozen=False):
    opt = torch.optim.Adam(params, lr=lr)
    for epoch in range(epochs):
        net.train()
        if frozen:
            net.backbone.eval()
        for x, y in loader:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            opt.step()
        print("loss", round(loss.item(), 4))


old = Net(4)
fit(old, pre, old.parameters(), 5e-3, 5)
file = io.BytesIO()
torch.save(old.state_dict(), file)
file.seek(0)
weights = {k: v for k, v in torch.load(file).items() if not k.startswith("head")}
net = Net(4)
print(net.load_state_dict(weights, strict=False))
for p in net.backbone.parameters():
    p.requires_grad = False
nn.init.zeros_(net.head.weight)
nn.init.zeros_(net.head.bias)
fit(net, new, net.head.parameters(), 3e-2, 8, frozen=True)
net.eval()
x, y = test.tensors
with torch.no_grad():
    accuracy = (net(x).argmax(1) == y).float().mean().item()
print("accuracy", accuracy)
