import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(77)


def texture_images(n, seed):
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 4, (n,), generator=g)
    r = torch.arange(12).float()
    rows, cols = torch.meshgrid(r, r, indexing="ij")
    directions = torch.stack([rows, cols, rows + cols, rows - cols])
    phase = 6.28 * torch.rand(n, 1, 1, generator=g)
    img = torch.sin(directions[y] * 1.1 + phase)
    return (img + 0.9 * torch.randn(n, 12, 12, generator=g)).unsqueeze(1), y


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, x):
        return self.net(x)


class TextureModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        z = self.encoder(x)
        return self.head(z)


xtr, ytr = texture_images(800, 1)
xte, yte = texture_images(300, 2)
loader = DataLoader(TensorDataset(xtr, ytr), batch_size=40, shuffle=True)
model = TextureModel()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(8):
    running = 0.0
    for xb, yb in loader:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += float(loss.detach()) * len(yb)
    print("epoch %d loss %.4f" % (epoch, running / len(ytr)))

model.eval()
with torch.inference_mode():
    accuracy = (model(xte).argmax(1) == yte).float().mean().item()
print("test accuracy %.4f" % accuracy)
