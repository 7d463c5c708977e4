import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class RowTransformer(nn.Module):
    def __init__(self, dim=32, heads=4, layers=1, classes=10):
        super().__init__()
        self.proj = nn.Linear(8, dim)
        self.pos = nn.Parameter(torch.randn(1, 8, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(dim, heads, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers)
        self.norm = nn.LayerNorm(dim)
        self.fc = nn.Linear(dim, classes)
        self.drop = nn.Dropout(0.3)

    def forward(self, img):
        tokens = self.encoder(self.proj(img) + self.pos)
        pooled = self.norm(tokens).mean(dim=1)
        return self.fc(self.drop(pooled))


torch.manual_seed(4)
d = load_digits()
x = torch.tensor(d.images).float() / 8 - 1
y = torch.tensor(d.target)
p = torch.randperm(len(x))
xtr, ytr, xte, yte = x[p[:1400]], y[p[:1400]], x[p[1400:]], y[p[1400:]]
net = RowTransformer()
opt = torch.optim.AdamW(net.parameters(), lr=6e-3, weight_decay=0.01)
steps = 11 * 28
warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 20) * max(0.02, 1 - s / steps))
for epoch in range(11):
    net.train()
    for ix in torch.randperm(1400).split(50):
        loss = F.cross_entropy(net(xtr[ix]), ytr[ix])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        warm.step()
    print(epoch, loss.item())
net.eval()
with torch.no_grad():
    good = sum((net(xb).argmax(1) == yb).sum().item() for xb, yb in zip(xte.split(50), yte.split(50)))
accuracy = good / len(yte)
print(accuracy)
