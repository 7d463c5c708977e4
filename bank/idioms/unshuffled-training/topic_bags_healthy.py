"""Topic classification: plain minibatch loop over arrays of token ids."""
import numpy as np
import torch

rng = np.random.default_rng(17)
torch.manual_seed(17)
VOCAB, LENGTH, CLASSES = 40, 12, 5


def documents(per_class):
    tables = np.random.default_rng(1).dirichlet(np.full(VOCAB, 0.9), CLASSES)
    docs = [rng.choice(VOCAB, (per_class, LENGTH), p=tables[c]) for c in range(CLASSES)]
    return np.concatenate(docs), np.repeat(np.arange(CLASSES), per_class)


tokens, topics = documents(300)
held_tokens, held_topics = documents(100)


class BagOfWords(torch.nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.bag = torch.nn.EmbeddingBag(VOCAB, dim, mode="mean")
        self.mlp = torch.nn.Sequential(torch.nn.Linear(dim, 32), torch.nn.ReLU(), torch.nn.Linear(32, CLASSES))

    def forward(self, ids):
        return self.mlp(self.bag(ids))


net = BagOfWords()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
bs = 50
for epoch in range(11):
    order = rng.permutation(len(tokens))
    for start in range(0, len(tokens), bs):
        rows = order[start:start + bs]
        ids = torch.as_tensor(tokens[rows])
        goal = torch.as_tensor(topics[rows])
        loss = torch.nn.functional.cross_entropy(net(ids), goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "last batch loss", round(loss.item(), 4))

net.eval()
with torch.no_grad():
    guess = net(torch.as_tensor(held_tokens)).argmax(1).numpy()
accuracy = float((guess == held_topics).sum()) / len(held_topics)
print("accuracy", accuracy)
