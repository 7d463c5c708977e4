import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, get_worker_info
from sklearn.datasets import load_digits

torch.manual_seed(151)
torch.set_num_threads(1)
bunch = load_digits()
idx = np.random.default_rng(151).permutation(len(bunch.target))
pics = (bunch.images / 16.0).astype(np.float32)


class Jittered(Dataset):
    """Digits with a random one-pixel shift and noise."""

    def __init__(self, ids, seed=0):
        self.ids, self.seed = ids, seed
        self.rng = np.random.default_rng(seed)

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, i):
        j = self.ids[i]
        dy, dx = self.rng.integers(-1, 2, size=2)
        im = np.roll(pics[j], (dy, dx), axis=(0, 1))
        im = im + 0.08 * self.rng.standard_normal(im.shape).astype(np.float32)
        return torch.from_numpy((im - 0.305) / 0.376)[None], int(bunch.target[j])


def per_worker(worker_id):
    info = get_worker_info()
    info.dataset.rng = np.random.default_rng(info.dataset.seed)  # <- fault


train = Jittered(idx[:1000])
loader = DataLoader(train, batch_size=40, shuffle=True, num_workers=2, worker_init_fn=per_worker,
                    persistent_workers=True)
net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                    nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10))
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(7):
    net.train()
    for a, b in loader:
        loss = nn.functional.cross_entropy(net(a), b)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())

net.eval()
xt = torch.from_numpy((pics[idx[1400:]] - 0.305) / 0.376).unsqueeze(1)
with torch.no_grad():
    accuracy = float((net(xt).argmax(1).numpy() == bunch.target[idx[1400:]]).mean())
print("accuracy", accuracy)
