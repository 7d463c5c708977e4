"""Developmental stage (Theiler-like, stages 1 to 5) from 40 marker genes."""
import numpy as np
import torch
import torch.nn as nn

rs = np.random.RandomState(31)
torch.manual_seed(31)
n_cells, n_genes = 1500, 40
stage = rs.randint(1, 6, size=n_cells)                # as written in the lab book
onset = rs.uniform(0.5, 5.5, size=n_genes)
slope = rs.choice([-1, 1], size=n_genes) * rs.uniform(0.8, 2.0, size=n_genes)
rate = np.exp(1.2 / (1 + np.exp(-slope * (stage[:, None] - onset))) + rs.normal(0, 0.25, (n_cells, n_genes)))
counts = rs.poisson(4 * rate)

expr = np.log1p(counts)
is_test = rs.rand(n_cells) < 0.25
expr = (expr - expr[~is_test].mean(0)) / expr[~is_test].std(0)
expr = torch.from_numpy(expr.astype("float32"))
stage_index = torch.from_numpy(stage - 1)
n_stages = int(stage_index.max()) + 1

x_train, s_train = expr[~is_test], stage_index[~is_test]
x_test, s_test = expr[is_test], stage_index[is_test]

staging = nn.ModuleDict({
    "embed": nn.Linear(n_genes, 32),
    "norm": nn.LayerNorm(32),
    "stage": nn.Linear(32, n_stages),
})


def forward(cells):
    h = staging["norm"](staging["embed"](cells))
    return staging["stage"](torch.nn.functional.gelu(h))


optimizer = torch.optim.Adam(staging.parameters(), lr=4e-3)
for epoch in range(12):
    shuffled = torch.randperm(len(x_train))
    for start in range(0, len(x_train), 60):
        cells = shuffled[start:start + 60]
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(forward(x_train[cells]), s_train[cells])
        loss.backward()
        optimizer.step()

with torch.no_grad():
    called = forward(x_test).argmax(dim=1)
confusion = torch.zeros(n_stages, n_stages, dtype=torch.long)
confusion.index_put_((s_test, called), torch.ones(len(called), dtype=torch.long), accumulate=True)
print(confusion)
accuracy = (confusion.diagonal().sum() / confusion.sum()).item()
