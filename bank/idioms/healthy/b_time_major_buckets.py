"""Sequences of unequal length, batches by similar length, time-major packed GRU."""
import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

torch.manual_seed(571)
rng = np.random.default_rng(571)


def walk(kind):
    n = int(rng.integers(8, 17))
    turn = (0.35, -0.35, 0.0, 0.8)[kind] + 0.12 * rng.normal(size=n)
    ang = np.cumsum(turn) + rng.uniform(0, 6.28)
    return torch.tensor(np.stack([np.cos(ang), np.sin(ang)], 1) + 0.1 * rng.normal(size=(n, 2)), dtype=torch.float32)


def corpus(n):
    kinds = rng.integers(0, 4, n)
    return [walk(k) for k in kinds], torch.from_numpy(kinds)


def buckets(seqs, labels, size, shuffle):
    """Sort by length inside random pools, then shuffle the order of the batches."""
    ids = rng.permutation(len(seqs)) if shuffle else np.arange(len(seqs))
    out = []
    for pool in np.array_split(ids, max(1, len(ids) // (8 * size))):
        pool = sorted(pool, key=lambda i: len(seqs[i]))
        out += [pool[k:k + size] for k in range(0, len(pool), size)]
    if shuffle:
        out = [out[j] for j in rng.permutation(len(out))]
    for b in out:
        part = [seqs[i] for i in b]
        yield pad_sequence(part), torch.tensor([len(s) for s in part]), labels[b]


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 32)
        self.fc = nn.Linear(32, 4)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        _, h = self.gru(packed)
        return self.fc(h[0])


seqs, labels = corpus(1000)
held_seqs, held_labels = corpus(300)
net = Reader()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(6):
    net.train()
    for x, n, y in buckets(seqs, labels, 32, True):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x, n), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
    print(epoch, round(loss.item(), 4))

net.eval()
hits = 0
with torch.no_grad():
    for x, n, y in buckets(held_seqs, held_labels, 50, False):
        hits += int(net(x, n).argmax(1).eq(y).sum())
accuracy = hits / len(held_labels)
print("accuracy", accuracy)
