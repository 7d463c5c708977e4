"""Digits with a conv net fed by an endless sampler instead of a DataLoader."""
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

SEED, STEPS, BATCH = 5, 220, 48


def split(n, held_out, rng):
    p = rng.permutation(n)
    return p[held_out:], p[:held_out]


def minibatch(pool, size, rng):
    return torch.from_numpy(rng.choice(pool, size=size, replace=False))


class Net(torch.nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = torch.nn.Conv2d(1, width, 3, padding=1)
        self.body = torch.nn.Conv2d(width, 2 * width, 3, padding=1)
        self.head = torch.nn.Linear(2 * width * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem(x)), 2)
        x = F.max_pool2d(F.relu(self.body(x)), 2)
        return self.head(x.flatten(1))


def main():
    torch.manual_seed(SEED)
    bunch = load_digits()
    images = torch.tensor(bunch.images, dtype=torch.float32)[:, None]
    labels = torch.tensor(bunch.target)
    pool, held = split(len(labels), 450, np.random.default_rng(0))
    images = (images - images[pool].mean()) / images[pool].std()
    net = Net()
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=STEPS)
    rng = np.random.default_rng(SEED)
    for step in range(STEPS):
        idx = minibatch(pool, BATCH, rng)
        loss = F.cross_entropy(net(images[idx]), labels[idx])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        if step % 55 == 0:
            print(f"step {step:4d} loss {loss.item():.4f}")
    net.eval()
    with torch.no_grad():
        hits = (net(images[held]).argmax(-1) == labels[held]).sum().item()
    return hits / len(held)


accuracy = main()
print("held-out accuracy", round(accuracy, 4))
