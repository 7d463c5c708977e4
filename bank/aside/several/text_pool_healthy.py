"""Bag-of-embeddings spam-like filter with three folders, written in plain functions."""
import torch
import torch.nn.functional as F
from torch import nn

G = torch.Generator().manual_seed(500)
WORDS, FOLDERS, LEN = 60, 3, 15


def mail(n):
    folder = torch.randint(FOLDERS, (n,), generator=G)
    logits = torch.zeros(n, WORDS)
    logits[torch.arange(n)[:, None], folder[:, None] * 12 + torch.arange(12)] = 1.1
    return torch.multinomial(logits.softmax(1), LEN, replacement=True, generator=G), folder


def make_net():
    net = nn.ModuleDict({
        "bag": nn.EmbeddingBag(WORDS, 16, mode="mean"),
        "hid": nn.Linear(16, 32),
        "out": nn.Linear(32, FOLDERS),
        "drop": nn.Dropout(0.5),
    })
    return net


def logits_of(net, words):
    h = F.relu(net["hid"](net["bag"](words)))
    return net["out"](net["drop"](h))


def fit(net, words, folder, epochs=9, size=60):
    net.train()
    opt = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
    for epoch in range(epochs):
        for j in torch.randperm(len(words), generator=G).split(size):
            loss = F.cross_entropy(logits_of(net, words[j]), folder[j])
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(f"epoch {epoch}: {loss.item():.4f}")
    return net


def score(net, words, folder):
    net.eval()
    with torch.no_grad():
        return (logits_of(net, words).argmax(1) == folder).float().mean().item()


torch.manual_seed(500)
train_words, train_folder = mail(1800)
test_words, test_folder = mail(600)
net = fit(make_net(), train_words, train_folder)
accuracy = score(net, test_words, test_folder)
print("accuracy", accuracy)
