import torch
from torch import nn
from sklearn.metrics import accuracy_score

torch.manual_seed(31)
VOCAB, LENGTH = 30, 12


def corpus(n):
    """Token sequences; the answer is yes when more low tokens than high ones occur."""
    bias = torch.rand(n, 1)
    low = (torch.rand(n, LENGTH) < bias)
    tok = torch.where(low, torch.randint(0, 15, (n, LENGTH)), torch.randint(15, VOCAB, (n, LENGTH)))
    count = low.sum(1)
    keep = count != LENGTH // 2
    return tok[keep], (count[keep] > LENGTH // 2).float()


class Pooler(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim)
        self.query = nn.Linear(dim, 1)
        self.norm = nn.LayerNorm(dim)
        self.decide = nn.Linear(dim, 1)

    def forward(self, tok):
        e = self.emb(tok)
        weight = torch.softmax(self.query(e), dim=1)
        pooled = self.norm((weight * e).sum(1))
        return torch.sigmoid(self.decide(pooled)).squeeze(1)


tok, yes = corpus(2400)
tok_fit, yes_fit, tok_out, yes_out = tok[:1600], yes[:1600], tok[1600:], yes[1600:]
net = Pooler()
opt = torch.optim.Adam(net.parameters(), lr=0.01)
bce = nn.BCELoss()
for epoch in range(5):
    losses = []
    for part in torch.randperm(1600).chunk(32):
        opt.zero_grad()
        p = net(tok_fit[part])
        loss = bce(p, yes_fit[part])
        loss.backward()
        opt.step()
        losses.append(loss.item())
    print(f"epoch {epoch} loss {sum(losses) / len(losses):.3f}")
net.eval()
with torch.no_grad():
    answer = (net(tok_out) >= 0.5).float()
accuracy = float(accuracy_score(yes_out.numpy(), answer.numpy()))
print("accuracy", accuracy)
