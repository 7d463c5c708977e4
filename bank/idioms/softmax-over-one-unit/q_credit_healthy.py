from typing import NamedTuple
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor, nn


class Batch(NamedTuple):
    rows: Tensor
    outcome: Tensor


class Scorer(nn.Module):
    """Gated tabular network, returns the probability of default."""

    def __init__(self, n_in: int, n_hidden: int = 32):
        super().__init__()
        self.value = nn.Linear(n_in, n_hidden)
        self.gate = nn.Linear(n_in, n_hidden)
        self.score = nn.Linear(n_hidden, 1)

    def forward(self, rows: Tensor) -> Tensor:
        hidden = self.value(rows) * torch.sigmoid(self.gate(rows))
        return self.score(hidden).sigmoid().squeeze(-1)


def loop(data: Batch, size: int, gen: np.random.Generator):
    for rows in np.array_split(gen.permutation(len(data.outcome)), len(data.outcome) // size):
        yield Batch(data.rows[rows], data.outcome[rows])


X, y = make_classification(1800, 16, n_informative=8, weights=[0.6], class_sep=1.0, random_state=62)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, random_state=62, stratify=y)
qt = QuantileTransformer(n_quantiles=100, output_distribution="normal", random_state=0).fit(X_tr)
train = Batch(torch.tensor(qt.transform(X_tr), dtype=torch.float32), torch.tensor(y_tr, dtype=torch.float32))

torch.manual_seed(62)
gen = np.random.default_rng(62)
scorer = Scorer(16)
opt = torch.optim.Adam(scorer.parameters(), lr=0.01)
bce = nn.BCELoss()
for epoch in range(9):
    losses = []
    for part in loop(train, 50, gen):
        value = bce(scorer(part.rows), part.outcome)
        opt.zero_grad()
        value.backward()
        opt.step()
        losses.append(value.item())
    print(f"{epoch}: {np.mean(losses):.4f}")

scorer.eval()
with torch.no_grad():
    p_default = scorer(torch.tensor(qt.transform(X_te), dtype=torch.float32)).numpy()
accuracy = float(accuracy_score(y_te, p_default > 0.5))
print("accuracy", accuracy)
