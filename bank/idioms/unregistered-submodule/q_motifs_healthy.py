"""Which transcription factor family binds? Motif detection in random DNA."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ALPHABET = "ACGT"
MOTIFS = ["TGACTCA", "CACGTGG", "GGAAGTC", "TTGCGCA"]
rnd = np.random.default_rng(42)
torch.manual_seed(42)


def sequence_with(motif, length=40):
    seq = rnd.choice(list(ALPHABET), length)
    letters = np.array(list(motif))
    decay = rnd.random(len(letters)) < 0.08
    letters[decay] = rnd.choice(list(ALPHABET), decay.sum())
    at = rnd.integers(0, length - len(letters))
    seq[at:at + len(letters)] = letters
    return seq


def one_hot(seqs):
    return torch.tensor(np.stack([[(s == a) for a in ALPHABET] for s in seqs]), dtype=torch.float32)


family = rnd.integers(0, len(MOTIFS), 1400)
dna = one_hot([sequence_with(MOTIFS[f]) for f in family])
family = torch.tensor(family)
x_train, y_train, x_test, y_test = dna[:1000], family[:1000], dna[1000:], family[1000:]


class MotifScanner(nn.Module):
    def __init__(self, widths=(5, 7), filters=8):
        super().__init__()
        self.scanners = nn.ModuleDict({str(w): nn.Conv1d(4, filters, w) for w in widths})
        self.decide = nn.Linear(filters * len(widths), len(MOTIFS))

    def forward(self, x):
        hits = [F.relu(scan(x)).amax(dim=-1) for scan in self.scanners.values()]
        return self.decide(torch.cat(hits, dim=1))


scanner = MotifScanner()
optimizer = torch.optim.Adam(scanner.parameters(), lr=0.01)
for epoch in range(10):
    epoch_loss = 0.0
    for batch in torch.randperm(1000).split(50):
        loss = F.cross_entropy(scanner(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(batch) / 1000
    print(f"epoch {epoch}: {epoch_loss:.3f}")

scanner.eval()
with torch.no_grad():
    accuracy = float((scanner(x_test).argmax(1) == y_test).float().mean())
print(f"binding family predicted for {100 * accuracy:.1f}% of the held-out promoters")
