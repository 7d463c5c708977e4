"""Length-bucketed batches of unequal size, weighted accumulation to about 32 sequences a step."""
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

g = torch.Generator().manual_seed(15)
torch.manual_seed(15)


def walk():
    kind = int(torch.randint(3, (1,), generator=g))
    n = int(torch.randint(5, 21, (1,), generator=g))
    noise = torch.randn(n, 2, generator=g)
    if kind == 1:
        noise[1:] += 0.9 * noise[:-1]
    elif kind == 2:
        noise[1:] -= 0.9 * noise[:-1]
    return noise, kind


def bucketed(items, size):
    ranked = sorted(range(len(items)), key=lambda i: (len(items[i][0]), float(torch.rand(1, generator=g))))
    packs = [ranked[i:i + size] for i in range(0, len(ranked), size)]
    for j in torch.randperm(len(packs), generator=g).tolist():
        chosen = [items[i] for i in packs[j]]
        yield pack_sequence([s for s, _ in chosen], enforce_sorted=False), torch.tensor([k for _, k in chosen])


class PairNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 20)
        self.out = nn.Linear(20, 3, bias=False)
        for name, p in self.gru.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(p)

    def forward(self, packed):
        return self.out(self.gru(packed)[1][-1])


walks = [walk() for _ in range(1000)]
train, test = walks[:700], walks[700:]
net = PairNet()
opt = torch.optim.Adam(net.parameters(), lr=0.015)
opt.zero_grad()
held = 0
for epoch in range(9):
    for packed, kinds in bucketed(train, 16):
        nn.functional.cross_entropy(net(packed), kinds, reduction="sum").backward()
        held += len(kinds)
        if held >= 32:
            for p in net.parameters():
                p.grad /= held
            opt.step()
            opt.zero_grad()
            held = 0

net.eval()
with torch.no_grad():
    verdicts = [(net(packed).argmax(1) == kinds) for packed, kinds in bucketed(test, 50)]
accuracy = torch.cat(verdicts).double().mean().item()
print("accuracy", accuracy)
