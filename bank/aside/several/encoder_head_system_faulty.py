"""Encoder and head live apart; the system object owns both and their optimizer."""
import itertools

import torch
from torch import nn
from sklearn.datasets import make_classification


class System:
    def __init__(self, encoder, head, lr):
        self.encoder, self.head = encoder, head
        self.opt = torch.optim.Adam(self.head.parameters(), lr=lr)  # <- fault: parameters-missing-from-optimizer

    def mode(self, training):
        for part in (self.encoder, self.head):
            part.train(training)

    def __call__(self, x):
        return self.head(self.encoder(x))

    def learn(self, x, y, batch=50):
        self.mode(True)
        losses = []
        for idx in torch.randperm(len(x)).split(batch):
            loss = nn.functional.cross_entropy(self(x[idx]), y[idx])
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            losses.append(loss.item())
        return sum(losses) / len(losses)

    @torch.no_grad()
    def accuracy(self, x, y):
        self.mode(False)
        return (self(x).argmax(1) == y).double().mean().item()


torch.manual_seed(61)
x, y = make_classification(1500, 20, n_informative=6, n_redundant=0, n_classes=4,
                           n_clusters_per_class=2, class_sep=1.7, random_state=61)
x = torch.tensor((x - x[:1000].mean(0)) / x[:1000].std(0), dtype=torch.float32)
y = torch.tensor(y)
encoder = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
head = nn.Sequential(
    nn.Linear(24, 4),
    nn.Dropout(0.3),  # <- fault: dropout-on-logits
)
system = System(encoder, head, lr=6e-3)
for epoch in range(14):
    print(epoch, round(system.learn(x[:1000], y[:1000]), 4))
accuracy = system.accuracy(x[1000:], y[1000:])
print("accuracy", accuracy)
