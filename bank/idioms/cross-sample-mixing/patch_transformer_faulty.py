"""Tiny vision transformer: 2x2 patches of 8x8 digits."""
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(17)
images = torch.tensor(load_digits().images, dtype=torch.float32)
y = torch.tensor(load_digits().target)
images = (images - images[:1300].mean()) / images[:1300].std()
patches = images.unfold(1, 2, 2).unfold(2, 2, 2).reshape(len(images), 16, 4)
order = torch.randperm(len(y))
tr, te = order[:1400], order[1400:]


class Layer(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mha = nn.MultiheadAttention(dim, heads)  # <- fault
        self.ffn = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x):
        z = self.ln1(x)
        x = x + self.mha(z, z, z, need_weights=False)[0]  # <- fault
        return x + self.ffn(self.ln2(x))


class PatchNet(nn.Module):
    def __init__(self, dim=24, depth=1):
        super().__init__()
        self.embed = nn.Linear(4, dim)
        self.pos = nn.Parameter(0.1 * torch.randn(1, 16, dim))
        self.layers = nn.Sequential(*(Layer(dim, 3) for _ in range(depth)))
        self.cls = nn.Linear(dim, 10)

    def forward(self, p):
        return self.cls(self.layers(self.embed(p) + self.pos).mean(dim=1))


net = PatchNet()
opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.01)
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 20))
for epoch in range(11):
    net.train()
    for idx in tr[torch.randperm(len(tr))].split(56):
        loss = nn.functional.cross_entropy(net(patches[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        warm.step()
    print(epoch, loss.item())

net.eval()
with torch.no_grad():
    out = torch.cat([net(c) for c in patches[te].split(64)])
accuracy = (out.argmax(1) == y[te]).float().mean().item()
print("accuracy", accuracy)
