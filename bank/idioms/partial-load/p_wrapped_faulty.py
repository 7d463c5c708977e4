"""Stage 1 trains under a wrapper, stage 2 builds a clean network from the file and tunes it briefly."""
import os
import tempfile
import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class Wrapped(nn.Module):
    # minimal stand-in for DataParallel
    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *a):
        return self.module(*a)


class Encoder(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.patch = nn.Conv2d(1, dim, 2, stride=2)
        self.pos = nn.Parameter(torch.randn(1, 16, dim) * 0.02)
        self.mixer = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.norm = nn.LayerNorm(dim)
        self.cls = nn.Linear(dim, 10)

    def forward(self, x):
        z = self.patch(x).flatten(2).transpose(1, 2) + self.pos
        z = z + self.mixer(self.norm(z).transpose(1, 2)).transpose(1, 2)
        return self.cls(torch.relu(z).mean(1))


def batches(n, size, gen):
    return torch.randperm(n, generator=gen).split(size)


def train(net, x, y, params, lr, epochs, gen):
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.01)
    net.train()
    for e in range(epochs):
        for b in batches(len(y), 64, gen):
            loss = nn.functional.cross_entropy(net(x[b]), y[b], label_smoothing=0.05)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
        print("epoch", e, "loss", f"{loss.item():.3f}")


d = load_digits()
gen = torch.Generator().manual_seed(12)
torch.manual_seed(12)
perm = torch.randperm(len(d.target), generator=gen)
x = torch.tensor(d.images, dtype=torch.float32)[perm, None]
y = torch.tensor(d.target)[perm]
mu, sd = x[:1300].mean(), x[:1300].std()
x = (x - mu) / sd
x_tr, y_tr, x_te, y_te = x[:1300], y[:1300], x[1300:], y[1300:]

stage1 = Wrapped(Encoder())
train(stage1, x_tr, y_tr, stage1.parameters(), 6e-3, 10, gen)
fd, path = tempfile.mkstemp(suffix=".pt")
os.close(fd)
torch.save({"weights": stage1.state_dict(), "mean": mu, "std": sd}, path)

stage2 = Encoder()
own = stage2.state_dict()
stored = torch.load(path)["weights"]
os.remove(path)
own.update({k: v for k, v in stored.items() if k in own and v.shape == own[k].shape})  # <- fault
stage2.load_state_dict(own, strict=False)  # <- fault

train(stage2, x_tr, y_tr, stage2.parameters(), 3e-4, 2, gen)

stage2.eval()
with torch.no_grad():
    accuracy = (stage2(x_te).argmax(-1) == y_te).float().mean().item()
print(f"accuracy={accuracy:.4f}")
