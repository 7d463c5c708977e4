"""A small transformer on sequences: softmax inside, and nothing wrong."""

import torch
from torch import nn

torch.manual_seed(2)
tokens = torch.randint(0, 20, (800, 10))
labels = (tokens == 3).any(1).long()


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(20, 24)
        self.layer = nn.TransformerEncoderLayer(24, 4, 48, dropout=0.1, batch_first=True)
        self.out = nn.Linear(24, 2)

    def forward(self, x):
        return self.out(self.layer(self.embed(x)).mean(1))


model = Reader()
optimizer = torch.optim.Adam(model.parameters(), 2e-3)
for epoch in range(4):
    model.train()
    for rows in torch.randperm(640).split(32):
        loss = nn.functional.cross_entropy(model(tokens[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(epoch, (model(tokens[640:]).argmax(1) == labels[640:]).float().mean().item())
