# tiny attention model: which of 4 'topic' words appears most often in a sentence?
import torch, torch.nn as nn, torch.nn.functional as F

cfg = dict(vocab=30, topics=4, length=16, dim=24, steps=220, batch=48,
           lr=0.003,
           seed=77)


def sentences(n, g):
    topic = torch.randint(cfg["topics"], (n,), generator=g)
    words = torch.randint(cfg["topics"], cfg["vocab"], (n, cfg["length"]), generator=g)
    keep = torch.rand(n, cfg["length"], generator=g) < 0.3
    words = torch.where(keep, topic[:, None].expand_as(words), words)
    stray = torch.rand(n, cfg["length"], generator=g) < 0.08
    other = torch.randint(cfg["topics"], (n, cfg["length"]), generator=g)
    return torch.where(stray, other, words), topic


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(d, d) for _ in range(3))
        self.ff = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)

    def forward(self, h):
        z = self.n1(h)
        h = h + F.scaled_dot_product_attention(self.q(z), self.k(z), self.v(z))
        return h + self.ff(self.n2(h))


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(cfg["vocab"], cfg["dim"])
        self.block = Block(cfg["dim"])
        self.head = nn.Linear(cfg["dim"], cfg["topics"])

    def forward(self, ids):
        return self.head(self.block(self.words(ids)).mean(1))


torch.manual_seed(cfg["seed"])
g = torch.Generator().manual_seed(cfg["seed"])
train_w, train_t = sentences(2000, g)
test_w, test_t = sentences(500, g)
model = Reader()
opt = torch.optim.AdamW(model.parameters(), lr=cfg["lr"], weight_decay=0.01)
for step in range(cfg["steps"]):
    pick = torch.randint(len(train_w), (cfg["batch"],), generator=g)
    loss = F.cross_entropy(model(train_w[pick]), train_t[pick])
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if step % 40 == 0:
        print(step, round(loss.item(), 4))

with torch.no_grad():
    model.eval()
    accuracy = (model(test_w).argmax(-1) == test_t).float().mean().item()
print(accuracy)
