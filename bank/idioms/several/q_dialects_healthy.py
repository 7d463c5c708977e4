"""Sorting pseudo-words into dialects by letter statistics (thesis, appendix C)."""
import random
import torch
from torch import nn

VOWELS, CONSONANTS = "aeiou", "bdfgklmnprst"
ALPHABET = "." + VOWELS + CONSONANTS


class WordSource:
    RULES = [("CV", 0.9), ("CVC", 0.7), ("VC", 0.8), ("CVV", 0.75)]

    def __init__(self, seed):
        self.rnd = random.Random(seed)

    def word(self, dialect):
        pattern, fidelity = self.RULES[dialect]
        text = ""
        for slot in (pattern * 9)[:9]:
            pool = VOWELS if slot == "V" else CONSONANTS
            text += self.rnd.choice(pool if self.rnd.random() < fidelity else ALPHABET[1:])
        return text[: self.rnd.randint(6, 9)].ljust(9, ".")

    def sample(self, n):
        dialects = [self.rnd.randrange(4) for _ in range(n)]
        codes = [[ALPHABET.index(c) for c in self.word(k)] for k in dialects]
        return torch.tensor(codes), torch.tensor(dialects)


class Reader(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.emb = nn.Embedding(len(ALPHABET), 10)
        self.gru = nn.GRU(10, width, batch_first=True)
        self.out = nn.Linear(width, 4)

    def forward(self, codes):
        _, last = self.gru(self.emb(codes))
        return self.out(last[-1])


torch.manual_seed(2718)
x, y = WordSource(1).sample(900)
x_new, y_new = WordSource(2).sample(500)
reader = Reader()
optimiser = torch.optim.Adam(reader.parameters(), lr=0.01)
for cycle in range(9):
    total = 0.0
    for rows in torch.randperm(900).split(45):
        optimiser.zero_grad()
        cost = nn.functional.cross_entropy(reader(x[rows]), y[rows])
        cost.backward()
        optimiser.step()
        total += cost.item() / 20
    print(f"cycle {cycle} cost {total:.4f}")

reader.eval()
with torch.no_grad():
    accuracy = (reader(x_new).argmax(1) == y_new).double().mean().item()
print(f"new words sorted correctly: {accuracy:.3f}")
