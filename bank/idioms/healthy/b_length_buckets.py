"""Sequences of different lengths: batches of equal length, in random order."""
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset, Sampler

torch.manual_seed(26)
PATTERNS = torch.tensor([[1, 2, 3], [3, 2, 1], [2, 1, 3]])


class Sequences(Dataset):
    def __init__(self, n):
        self.data = []
        for i in range(n):
            length = int(torch.randint(6, 20, (1,)))
            label = int(torch.randint(0, 3, (1,)))
            seq = torch.randint(4, 10, (length,))
            at = int(torch.randint(0, length - 2, (1,)))
            seq[at:at + 3] = PATTERNS[label]
            self.data.append((seq, label))

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        return self.data[i]


class BucketSampler(Sampler):
    def __init__(self, ds, size):
        by_length = sorted(range(len(ds)), key=lambda i: len(ds[i][0]))
        self.batches = [by_length[i:i + size] for i in range(0, len(ds), size)]

    def __iter__(self):
        for k in torch.randperm(len(self.batches)).tolist():
            yield self.batches[k]

    def __len__(self):
        return len(self.batches)


def collate(items):
    lengths = torch.tensor([len(s) for s, _ in items])
    return pad_sequence([s for s, _ in items], batch_first=True), lengths, torch.tensor([c for _, c in items])


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(10, 12, padding_idx=0)
        self.conv = nn.Conv1d(12, 32, 3)
        self.fc = nn.Linear(32, 3)

    def forward(self, ids, lengths):
        h = torch.relu(self.conv(self.emb(ids).transpose(1, 2)))
        valid = torch.arange(h.size(2))[None, :] < (lengths - 2)[:, None]
        return self.fc(h.masked_fill(~valid[:, None], 0).amax(2))


train, test = Sequences(900), Sequences(300)
loader = DataLoader(train, batch_sampler=BucketSampler(train, 36), collate_fn=collate)
net = Tagger()
opt = torch.optim.Adam(net.parameters(), lr=8e-3)
for epoch in range(8):
    for ids, lengths, c in loader:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(ids, lengths), c)
        loss.backward()
        opt.step()
    print(epoch, loss.item())
net.eval()
with torch.no_grad():
    hits = [(net(ids, n).argmax(1) == c) for ids, n, c in DataLoader(test, batch_size=75, collate_fn=collate)]
accuracy = torch.cat(hits).float().mean().item()
print(accuracy)
