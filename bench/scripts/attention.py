"""A small transformer over the rows of digits, with a warm-up and a cosine."""

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(3)
digits = load_digits()
x = torch.tensor((digits.images - 4.88) / 6.02, dtype=torch.float32)
y = torch.tensor(digits.target)
order = torch.randperm(len(x))
x, y = x[order], y[order]


class Net(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.places = nn.Parameter(torch.randn(8, width) * 0.02)
        layer = nn.TransformerEncoderLayer(width, 4, 128, dropout=0.1, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, rows):
        return self.head(self.body(self.embed(rows) + self.places).mean(1))


net = Net()
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
steps = 15 * 22
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
for epoch in range(15):
    net.train()
    for rows in torch.randperm(1408).split(64):
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    net.eval()
    with torch.inference_mode():
        print(epoch, (net(x[1408:]).argmax(-1) == y[1408:]).float().mean().item())
