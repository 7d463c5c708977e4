"""Topic of a short 'document': embedding bag, log-probabilities, NLL."""
import random
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

random.seed(71)
torch.manual_seed(71)
TOPICS = {"sea": range(1, 16), "sky": range(12, 28), "city": range(24, 40), "farm": range(36, 52), "lab": range(48, 64)}


def document(topic):
    own = [random.choice(list(TOPICS[topic])) for _ in range(random.randint(5, 9))]
    other = [random.randint(1, 63) for _ in range(random.randint(1, 4))]
    words = own + other
    random.shuffle(words)
    return torch.tensor(words)


def corpus(n):
    names = [random.choice(list(TOPICS)) for _ in range(n)]
    docs = pad_sequence([document(t) for t in names], batch_first=True)
    return docs, torch.tensor([list(TOPICS).index(t) for t in names])


class BagClassifier(nn.Module):
    def __init__(self, vocab=64, dim=24, topics=5):
        super().__init__()
        self.words = nn.EmbeddingBag(vocab, dim, mode="mean", padding_idx=0)
        self.hidden = nn.Linear(dim, dim)
        self.topic = nn.Linear(dim, topics)
        self.logprob = nn.LogSoftmax(dim=0)  # <- fault

    def forward(self, docs):
        return self.logprob(self.topic(torch.relu(self.hidden(self.words(docs)))))


docs, topics = corpus(1000)
fresh_docs, fresh_topics = corpus(400)
clf = BagClassifier()
opt = torch.optim.Adam(clf.parameters(), lr=0.01)
nll = nn.NLLLoss()
for epoch in range(12):
    clf.train()
    for k in torch.randperm(len(docs)).chunk(25):
        opt.zero_grad()
        loss = nll(clf(docs[k]), topics[k])
        loss.backward()
        opt.step()
    print(epoch, loss.item())

clf.eval()
with torch.no_grad():
    accuracy = (clf(fresh_docs).argmax(1) == fresh_topics).float().mean().item()
print("topics found:", accuracy)
