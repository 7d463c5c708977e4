"""Text-like task: which of four token families dominates a bag of tokens?"""
from collections import deque
from itertools import islice

import torch
from torch import nn

VOCAB, FAMILIES, LENGTH = 60, 4, 16


def corpus(generator):
    family_of = torch.arange(VOCAB) % FAMILIES
    while True:
        y = int(torch.randint(FAMILIES, (1,), generator=generator))
        weights = torch.where(family_of == y, 3.0, 1.0)
        yield torch.multinomial(weights, LENGTH, replacement=True, generator=generator), y


def materialise(stream, n):
    tokens, labels = zip(*islice(stream, n))
    return torch.stack(tokens), torch.tensor(labels)


class Bag(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.embed = nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.mlp = nn.Sequential(nn.Linear(dim, 32), nn.ReLU(), nn.Linear(32, FAMILIES))

    def forward(self, tokens):
        return self.mlp(self.embed(tokens))


class Learner:
    def __init__(self, model, lr):
        self.model, self.ce = model, nn.CrossEntropyLoss()
        self.opt = torch.optim.SGD(model.parameters(), lr=lr)
        self.recent = deque(maxlen=20)

    def epoch(self, x, y, batch):
        self.model.train()
        self.opt.zero_grad()  # <- fault
        for idx in torch.randperm(len(x)).split(batch):
            loss = self.ce(self.model(x[idx]), y[idx])
            loss.backward()  # <- fault
            self.opt.step()  # <- fault
            self.recent.append(loss.item())

    def predict(self, x):
        self.model.eval()
        with torch.no_grad():
            return self.model(x).argmax(1)


torch.manual_seed(70)
stream = corpus(torch.Generator().manual_seed(71))
(x, y), (xt, yt) = materialise(stream, 1600), materialise(stream, 800)
learner = Learner(Bag(), lr=0.5)
for epoch in range(15):
    learner.epoch(x, y, batch=40)
    print(epoch, round(sum(learner.recent) / len(learner.recent), 4))
accuracy = (learner.predict(xt) == yt).double().mean().item()
print("accuracy", accuracy)
