import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rs = np.random.RandomState(44)
torch.manual_seed(44)
N, T, VOCAB, K = 1400, 14, 30, 5
# a document holds one key word (tokens 0..4 give the topic) among many others
tokens = rs.randint(5, VOCAB, size=(N, T))
topic = rs.randint(0, K, size=N)
spots = rs.randint(0, T, size=N)
tokens[np.arange(N), spots] = topic
tokens, topic = torch.from_numpy(tokens), torch.from_numpy(topic)


class AttentivePooling(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.scorer = nn.Sequential(nn.Linear(dim, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, h):
        score = self.scorer(h).squeeze(-1)
        weight = F.softmax(score, dim=1)
        return torch.einsum("bt,btd->bd", weight, h)


class TopicModel(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim)
        self.pool = AttentivePooling(dim)
        self.cls = nn.Linear(dim, K)

    def forward(self, ids):
        return self.cls(self.pool(self.emb(ids)))


model = TopicModel()
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
n_fit = 1000
for epoch in range(5):
    model.train()
    for b in torch.from_numpy(rs.permutation(n_fit)).split(50):
        opt.zero_grad()
        loss = F.cross_entropy(model(tokens[b]), topic[b])
        loss.backward()
        opt.step()
    print("epoch", epoch, "loss", f"{loss.item():.4f}")

model.eval()
with torch.no_grad():
    outs = [model(c).argmax(1) for c in tokens[n_fit:].split(80)]
accuracy = (torch.cat(outs) == topic[n_fit:]).double().mean().item()
print(accuracy)
