"""Attention: softmax inside, permutes that are right, a shared embedding as the last layer."""

import torch
from torch import nn
from torch.nn import functional as F


class Tiny(nn.Module):
    def __init__(self, words=12, width=16, heads=2):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, words, bias=False)
        self.head.weight = self.embed.weight
        self.heads = heads

    def forward(self, ids):
        b, t = ids.shape
        x = self.embed(ids)
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = (z.view(b, t, self.heads, -1).permute(0, 2, 1, 3) for z in (q, k, v))
        weights = F.softmax(q @ k.transpose(-2, -1) / 8**0.5, dim=-1)
        x = x + self.out((weights @ v).permute(0, 2, 1, 3).reshape(b, t, -1))
        return self.head(x)[:, -1]


torch.manual_seed(0)
ids = torch.randint(0, 12, (800, 6))
target = ids[:, 0]
model = Tiny()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
for step in range(150):
    pick = torch.randint(0, 700, (64,))
    loss = F.cross_entropy(model(ids[pick]), target[pick])
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
with torch.no_grad():
    print("accuracy", (model(ids[700:]).argmax(-1) == target[700:]).float().mean().item())
