import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn


class RowReader(nn.Module):
    """Reads an image row by row, like a sentence of eight words."""

    def __init__(self, width=8, hidden=48, classes=10):
        super().__init__()
        self.rnn = nn.GRU(width, hidden, batch_first=True)
        self.out = nn.Linear(hidden, classes)

    def forward(self, rows):
        _, last = self.rnn(rows)
        scores = self.out(last[0])
        return {"state": last[0], "scores": scores.softmax(-1)}  # <- fault


torch.manual_seed(3)
rng = np.random.RandomState(3)
bunch = load_digits()
order = rng.permutation(len(bunch.target))
images = torch.tensor(bunch.images[order], dtype=torch.float32)
labels = torch.tensor(bunch.target[order])
n_train = 1400
mean, std = images[:n_train].mean(), images[:n_train].std()
images = (images - mean) / std

net = RowReader()
objective = nn.CrossEntropyLoss()
adam = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(11):
    running = 0.0
    for idx in torch.randperm(n_train).split(56):
        adam.zero_grad()
        answer = net(images[idx])
        cost = objective(answer["scores"], labels[idx])  # <- fault
        cost.backward()
        adam.step()
        running += cost.item() * len(idx)
    print(f"epoch {epoch}: {running / n_train:.4f}")

net.eval()
with torch.no_grad():
    guess = net(images[n_train:])["scores"].argmax(1)
accuracy = (guess == labels[n_train:]).float().mean().item()
print("held-out", accuracy)
