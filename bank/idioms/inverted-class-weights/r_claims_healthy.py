"""Insurance claims: four severities, the bad ones are rare in the file but cost the most.

The test portfolio was drawn with the same number of claims from every severity (auditor's request)."""
from collections import Counter
import random
import torch

random.seed(55)
torch.manual_seed(55)
SHARES = [40, 110, 300, 900]          # total loss, structural, panel, scratch
centres = torch.randn(4, 10) * 0.75


def claims(counts):
    xs, ys = [], []
    for severity, n in enumerate(counts):
        base = centres[severity] + 1.0 * torch.randn(n, 10)
        xs += base.unbind()
        ys += [severity] * n
    return xs, ys


file_x, file_y = claims(SHARES)
audit_x, audit_y = claims([120] * 4)
X = torch.stack(file_x)
mu, sigma = X.mean(0), X.std(0)
X, A = (X - mu) / sigma, (torch.stack(audit_x) - mu) / sigma
Y, B = torch.tensor(file_y), torch.tensor(audit_y)

frequency = sorted(Counter(file_y).items())
importance = torch.tensor([len(file_y) / (4 * n) for _, n in frequency])
net = torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.Mish(), torch.nn.Linear(32, 4))
penalty = torch.nn.CrossEntropyLoss(weight=importance)
opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-3)


def shuffled_batches(n, size):
    deck = list(range(n))
    random.shuffle(deck)
    while deck:
        hand, deck = deck[:size], deck[size:]
        yield hand


for year in range(9):
    cost = []
    for hand in shuffled_batches(len(Y), 75):
        opt.zero_grad()
        c = penalty(net(X[hand]), Y[hand])
        c.backward()
        opt.step()
        cost.append(c.item())
    print(f"pass {year}: {sum(cost) / len(cost):.4f}")

with torch.no_grad():
    verdict = net(A).argmax(1)
recalls = {s: float((verdict[B == s] == s).float().mean()) for s in range(4)}
accuracy = float((verdict == B).sum()) / len(B)
print(recalls, accuracy)
