import argparse
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

ap = argparse.ArgumentParser()
ap.add_argument("--epochs", type=int, default=8)
ap.add_argument("--hidden", type=int, default=24)
ap.add_argument("--bs", type=int, default=50)
args, _ = ap.parse_known_args([])


def make_words(n, seed):
    """Strings over a 6-letter alphabet; the class is which motif was planted."""
    g = np.random.default_rng(seed)
    motifs = [(0, 1, 2), (2, 1, 0), (3, 3, 4), (5, 0, 5)]
    toks = g.integers(0, 6, (n, 14))
    lab = g.integers(0, 4, n)
    for row, c in zip(toks, lab):
        at = g.integers(0, 3) if c % 2 else g.integers(9, 12)
        row[at:at + 3] = motifs[c]
    return torch.tensor(toks), torch.tensor(lab)


class Tagger(nn.Module):
    def __init__(self, vocab, hidden, classes):
        super().__init__()
        self.emb = nn.Embedding(vocab, 12)
        self.rnn = nn.LSTM(12, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, classes)

    def forward(self, t):
        _, (h, _) = self.rnn(self.emb(t))
        h = h.transpose(0, 1).reshape(t.size(0), -1)
        return self.out(h)


torch.manual_seed(0)
tr = TensorDataset(*make_words(1500, 1))
te = TensorDataset(*make_words(400, 2))
train_dl = DataLoader(tr, args.bs, shuffle=True)
test_dl = DataLoader(te, 100)

net = Tagger(6, args.hidden, 4)
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
ce = nn.CrossEntropyLoss()

for ep in range(args.epochs):
    net.train()
    for t, y in train_dl:
        opt.zero_grad()
        l = ce(net(t), y)
        l.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
    print(f"[{ep}] last batch loss {l.item():.3f}")

net.eval()
hits = 0
with torch.inference_mode():
    for t, y in test_dl:
        hits += (net(t).argmax(1) == y).sum().item()
accuracy = hits / len(te)
print(accuracy)
