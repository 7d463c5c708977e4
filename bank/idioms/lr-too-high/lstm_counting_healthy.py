from types import SimpleNamespace
import torch
from torch import nn, optim
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

hp = SimpleNamespace(rate=0.01, hidden=32, epochs=6, batch=40)
torch.manual_seed(40)


def words(n):
    """Sequences over 5 letters; the class is the letter that follows the last zero."""
    seqs, labels = [], []
    while len(seqs) < n:
        s = torch.randint(0, 5, (int(torch.randint(4, 9, (1,))),))
        spots = (s[:-1] == 0).nonzero()
        if len(spots):
            nxt = int(s[spots[-1] + 1])
            seqs.append(s + 1)
            labels.append(nxt)
    return seqs, torch.tensor(labels)


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(6, 12, padding_idx=0)
        self.lstm = nn.LSTM(12, hp.hidden, batch_first=True)
        self.final = nn.Linear(hp.hidden, 5)

    def forward(self, seqs):
        lens = torch.tensor([len(s) for s in seqs])
        packed = pack_padded_sequence(self.table(pad_sequence(seqs, True)), lens, True, enforce_sorted=False)
        return self.final(self.lstm(packed)[1][0][0])


train_s, train_y = words(1200)
test_s, test_y = words(400)
tagger = Tagger()
stepper = optim.Adam(tagger.parameters(), lr=hp.rate)
for epoch in range(hp.epochs):
    losses = []
    for rows in torch.randperm(1200).split(hp.batch):
        loss = nn.functional.cross_entropy(tagger([train_s[i] for i in rows]), train_y[rows])
        stepper.zero_grad()
        loss.backward()
        stepper.step()
        losses.append(loss.item())
    print(epoch, sum(losses) / len(losses))
tagger.eval()
with torch.no_grad():
    accuracy = (tagger(test_s).argmax(1) == test_y).float().mean().item()
print("accuracy", accuracy)
