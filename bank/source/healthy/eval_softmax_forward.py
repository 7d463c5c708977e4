"""forward gives logits while training and probabilities in evaluation."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv1d(1, 8, 3), nn.BatchNorm1d(8), nn.ReLU(), nn.AdaptiveMaxPool1d(4))
        self.classifier = nn.Linear(32, 2)

    def forward(self, x):
        logits = self.classifier(self.features(x).flatten(1))
        if self.training:
            return logits
        return torch.softmax(logits, dim=1)


torch.manual_seed(0)
t = torch.linspace(0, 6, 40)
kind = torch.randint(0, 2, (500,))
signal = torch.sin(t[None] * (1 + kind[:, None])) + 0.3 * torch.randn(500, 40)
net, loss_fn = Net(), nn.CrossEntropyLoss()
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for epoch in range(5):
    net.train()
    for i in range(0, 400, 40):
        loss = loss_fn(net(signal[i : i + 40, None]), kind[i : i + 40])
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        p = net(signal[400:, None])
    print(epoch, (p.argmax(1) == kind[400:]).float().mean().item())
