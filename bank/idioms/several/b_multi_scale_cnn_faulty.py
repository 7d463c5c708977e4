import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset

G = torch.Generator().manual_seed(202)


def texture(label, size=14):
    i, j = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    angle = torch.tensor(label % 4 * 0.785)
    freq = 0.8 if label < 4 else 1.6
    phase = torch.rand(1, generator=G) * 6.28
    wave = torch.sin(freq * (i * angle.cos() + j * angle.sin()) + phase)
    return wave + 0.5 * torch.randn(size, size, generator=G)


class Textures(Dataset):
    def __init__(self, images, labels, noisy=False):
        self.images, self.labels, self.noisy = images, labels, noisy

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        img = self.images[i]
        if self.noisy:
            img = img + 0.9 * torch.randn_like(img)
            img = torch.roll(img, int(torch.randint(-3, 4, (1,))), dims=-1)
        return img, self.labels[i]


class MultiScale(nn.Module):
    def __init__(self):
        super().__init__()
        self.branches = [nn.Conv2d(1, 8, k, padding=k // 2) for k in (3, 5)]  # <- fault: unregistered-submodule
        self.mix = nn.Conv2d(16, 16, 3, padding=1)
        self.fc = nn.Linear(16, 8)

    def forward(self, x):
        x = torch.cat([torch.relu(b(x)) for b in self.branches], dim=1)  # <- fault: unregistered-submodule
        x = torch.relu(self.mix(nn.functional.max_pool2d(x, 2)))
        return self.fc(x.amax(dim=(2, 3)))


labels = torch.randint(0, 8, (1400,), generator=G)
images = torch.stack([texture(int(k)) for k in labels])[:, None]
torch.manual_seed(202)
noisy = Textures(images, labels, noisy=True)
train_set = Subset(noisy, range(1100))
val_set = Subset(noisy, range(1100, 1400))  # <- fault: augmented-validation
net = MultiScale()
opt = torch.optim.Adam(net.parameters(), lr=6e-3)
for epoch in range(7):
    net.train()
    for xb, yb in DataLoader(train_set, batch_size=44, shuffle=True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        marks = [net(xb).argmax(1) == yb for xb, yb in DataLoader(val_set, batch_size=100)]  # <- fault: augmented-validation
    print(epoch, loss.item(), torch.cat(marks).float().mean().item())
accuracy = torch.cat(marks).float().mean().item()
