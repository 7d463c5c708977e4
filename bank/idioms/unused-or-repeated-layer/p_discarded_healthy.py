#!/usr/bin/env python
"""Which of two events came first?  Toy event-log classification."""
import random
import torch
import torch.nn as nn

random.seed(2)
torch.manual_seed(2)
PAD, VOCAB, T = 0, 20, 16


def event_log():
    """The label says which of the tokens 1, 2, 3 opens the log (all three are always there)."""
    key = random.sample([1, 2, 3], 3)
    slots = sorted(random.sample(range(T), 3))
    seq = [random.randrange(4, VOCAB) for _ in range(T)]
    for s, k in zip(slots, key):
        seq[s] = k
    return seq, key[0] - 1


def pack(n):
    seqs, labels = zip(*(event_log() for _ in range(n)))
    return torch.tensor(seqs), torch.tensor(labels)


class LogReader(nn.Module):
    def __init__(self, emb=16, hid=32, n_out=3):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, emb, padding_idx=PAD)
        self.lift = nn.Linear(emb, hid)
        self.gru = nn.GRU(hid, hid, batch_first=True)
        self.out = nn.Sequential(nn.LayerNorm(hid), nn.Linear(hid, n_out))

    def forward(self, tokens):
        e = torch.tanh(self.lift(self.embed(tokens)))
        h, last = self.gru(e)
        return self.out(h.mean(dim=1))


class Trainer:
    def __init__(self, net, lr=8e-3):
        self.net, self.opt = net, torch.optim.Adam(net.parameters(), lr=lr)
        self.crit = nn.CrossEntropyLoss()

    def step(self, x, y):
        self.net.train()
        loss = self.crit(self.net(x), y)
        self.opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
        self.opt.step()
        return loss.item()

    @torch.no_grad()
    def accuracy(self, x, y):
        self.net.eval()
        return (self.net(x).argmax(-1) == y).sum().item() / len(y)


x_train, y_train = pack(1600)
x_test, y_test = pack(500)
trainer = Trainer(LogReader())
for epoch in range(6):
    idx = torch.randperm(len(y_train))
    losses = [trainer.step(x_train[i], y_train[i]) for i in idx.chunk(32)]
    print(f"epoch {epoch}: {sum(losses) / len(losses):.4f}")

accuracy = trainer.accuracy(x_test, y_test)
print(f"accuracy on new logs: {accuracy:.3f}")
