import argparse
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser(description="digits read as 8 row-tokens by one attention layer")
parser.add_argument("--epochs", type=int, default=1)  # <- fault
parser.add_argument("--lr", type=float, default=5e-3)
parser.add_argument("--dim", type=int, default=32)
parser.add_argument("--batch-size", type=int, default=48)
parser.add_argument("--seed", type=int, default=77)
opt = parser.parse_args([])
torch.manual_seed(opt.seed)

images, target = load_digits(return_X_y=True)
xa, xb, ya, yb = train_test_split(images, target, test_size=360, random_state=opt.seed)
mu, sigma = xa.mean(), xa.std()
xa = torch.tensor((xa - mu) / sigma, dtype=torch.float32).view(-1, 8, 8)
xb = torch.tensor((xb - mu) / sigma, dtype=torch.float32).view(-1, 8, 8)
ya, yb = torch.tensor(ya), torch.tensor(yb)


class RowAttention(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.embed = nn.Linear(8, d)
        self.place = nn.Parameter(0.1 * torch.randn(8, d))
        self.attn = nn.MultiheadAttention(d, 4, batch_first=True)
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.head = nn.Linear(d, 10)

    def forward(self, rows):
        z = self.embed(rows) + self.place
        q = self.ln1(z)
        z = z + self.attn(q, q, q, need_weights=False)[0]
        z = z + self.mlp(self.ln2(z))
        return self.head(z.mean(dim=1))


model = RowAttention(opt.dim)
adam = torch.optim.AdamW(model.parameters(), lr=opt.lr)
for epoch in range(opt.epochs):  # <- fault
    model.train()
    seen, cum = 0, 0.0
    for idx in torch.randperm(len(xa)).split(opt.batch_size):
        loss = nn.functional.cross_entropy(model(xa[idx]), ya[idx])
        adam.zero_grad()
        loss.backward()
        adam.step()
        cum, seen = cum + loss.item() * len(idx), seen + len(idx)
    print("epoch %d: %.4f" % (epoch, cum / seen))

model.eval()
with torch.no_grad():
    accuracy = (model(xb).argmax(1) == yb).double().mean().item()
print("held out:", accuracy)
