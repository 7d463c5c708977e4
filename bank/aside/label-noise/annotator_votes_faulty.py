"""Learning from crowd annotations: 9 annotators per item, each with its own reliability."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits

rng = np.random.default_rng(17)
torch.manual_seed(17)
d = load_digits()
x = (d.data - d.data.mean()) / d.data.std()
idx = rng.permutation(len(x))
train_idx, test_idx = idx[:1250], idx[1250:]


def collect_votes(truth, n_annotators=9, reliability=(0.6, 0.8)):
    skill = np.linspace(*reliability, n_annotators)
    votes = np.tile(truth[:, None], (1, n_annotators))
    wrong = rng.random(votes.shape) > skill
    votes[wrong] = rng.integers(0, 10, wrong.sum())
    return votes


def aggregate(votes):
    return votes[:, 0]  # <- fault


votes = collect_votes(d.target[train_idx])
labels = aggregate(votes)  # <- fault
train = TensorDataset(torch.tensor(x[train_idx], dtype=torch.float32), torch.tensor(labels))
loader = DataLoader(train, batch_size=50, shuffle=True)


class Classifier(nn.Module):
    def __init__(self, d_in=64, hidden=100, k=10, p=0.2):
        super().__init__()
        self.inp = nn.Linear(d_in, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.drop = nn.Dropout(p)
        self.out = nn.Linear(hidden, k)

    def forward(self, x):
        return self.out(self.drop(torch.relu(self.norm(self.inp(x)))))


model = Classifier()
optim = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(10):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optim.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        optim.step()
        total += loss.item() * len(xb)
    print("epoch", epoch, "loss", round(total / len(train), 4))

model.eval()
with torch.no_grad():
    guess = model(torch.tensor(x[test_idx], dtype=torch.float32)).argmax(1).numpy()
accuracy = float(np.mean(guess == d.target[test_idx]))
print("accuracy on expert-labelled test items:", accuracy)
