"""Test-time augmentation: eight shifted and noisy views of each test picture vote."""
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from sklearn.datasets import load_digits


class Views(Dataset):
    def __init__(self, images, targets, n_views):
        self.images, self.targets, self.n_views = images, targets, n_views

    def __len__(self):
        return len(self.targets)

    def view(self, img):
        shift = torch.randint(-1, 2, (2,)).tolist()
        return torch.roll(img, shift, (1, 2)) * (0.9 + 0.2 * torch.rand(1)) + 0.05 * torch.randn_like(img)

    def __getitem__(self, i):
        return torch.stack([self.view(self.images[i]) for _ in range(self.n_views)]), self.targets[i]


torch.manual_seed(92)
d = load_digits()
img = (torch.tensor(d.images).float()[:, None] - 4.9) / 6
img = img.expand(-1, 3, -1, -1)
tgt = torch.tensor(d.target)
p = torch.randperm(len(tgt))
train = DataLoader(Views(img[p[:1400]], tgt[p[:1400]], 1), batch_size=50, shuffle=True)
test = DataLoader(Views(img[p[1400:]], tgt[p[1400:]], 8), batch_size=100)
net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(16, 32, 3, padding=1), nn.GroupNorm(4, 32), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Flatten(), nn.Linear(128, 10))
opt = torch.optim.AdamW(net.parameters(), lr=5e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1e-2, total_steps=7 * len(train))
for epoch in range(7):
    net.train()
    for v, t in train:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = net(v[:, 0])
        loss = nn.functional.cross_entropy(out.float(), t)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
    print(epoch, loss.item())
net.eval()
votes = 0
with torch.no_grad():
    for v, t in test:
        p_mean = net(v.flatten(0, 1)).softmax(1).view(len(t), 8, 10).mean(1)
        votes += (p_mean.argmax(1) == t).sum().item()
accuracy = votes / len(test.dataset)
print(accuracy)
