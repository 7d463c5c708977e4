import copy
import torch as t
import torch.nn.functional as F
from sklearn.datasets import load_digits

t.manual_seed(406)
raw = load_digits()
imgs = t.tensor(raw.images).float().div_(16).sub_(0.3).div_(0.37)
labs = t.tensor(raw.target)
idx = t.randperm(len(labs))
tr, va, te = idx[:400], idx[400:700], idx[700:]


class RowReader(t.nn.Module):
    """Reads the picture row by row."""

    def __init__(self, hidden=48):
        super().__init__()
        self.rnn = t.nn.GRU(8, hidden, batch_first=True)
        self.drop = t.nn.Dropout(0.2)
        self.out = t.nn.Linear(hidden, 10)

    def forward(self, x):
        _, h = self.rnn(x)
        return self.out(self.drop(h[-1]))


def acc_of(m, ids):
    m.eval()
    with t.no_grad():
        return (m(imgs[ids]).argmax(-1) == labs[ids]).float().mean().item()


reader = RowReader()
opt = t.optim.Adam(reader.parameters(), lr=0.02)
top, winner = 0.0, None
for epoch in range(22):
    reader.train()
    for b in tr[t.randperm(len(tr))].split(40):
        opt.zero_grad()
        F.cross_entropy(reader(imgs[b]), labs[b]).backward()
        t.nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
        opt.step()
    a = acc_of(reader, va)
    if a > top:
        top = a
        winner = copy.deepcopy(reader)
    if epoch % 5 == 0:
        print(epoch, a)

accuracy = acc_of(winner, te)
print("winner on validation", top, "on test", accuracy)
