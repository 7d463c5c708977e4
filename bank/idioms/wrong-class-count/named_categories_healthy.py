import random

import torch
import torch.nn as nn

random.seed(4)
torch.manual_seed(4)
NAMES = ["setosa", "versicolor", "virginica", "hybrid", "unknown"]
centres = {name: torch.randn(8) * 1.7 for name in NAMES}


def read_table(n):
    """list of (features, category name) as a csv reader would give it"""
    rows = []
    for _ in range(n):
        name = random.choice(NAMES)
        rows.append(((centres[name] + torch.randn(8)).tolist(), name))
    return rows


label_to_id = {name: i for i, name in enumerate(NAMES)}
num_outputs = max(label_to_id.values()) + 1


def to_tensors(rows):
    feats = torch.tensor([r[0] for r in rows])
    ids = torch.tensor([label_to_id[r[1]] for r in rows])
    return feats, ids


train_x, train_y = to_tensors(read_table(1500))
test_x, test_y = to_tensors(read_table(500))
shift, scale = train_x.mean(0), train_x.std(0)
train_x, test_x = (train_x - shift) / scale, (test_x - shift) / scale

model = nn.Sequential(
    nn.Linear(8, 40),
    nn.BatchNorm1d(40),
    nn.ReLU(),
    nn.Linear(40, num_outputs),
)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)


def batches(x, y, size):
    perm = torch.randperm(len(x))
    for k in range(0, len(x), size):
        sel = perm[k:k + size]
        yield x[sel], y[sel]


for epoch in range(6):
    model.train()
    for xb, yb in batches(train_x, train_y, 50):
        loss = loss_fn(model(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())

model.eval()
with torch.no_grad():
    accuracy = (model(test_x).argmax(1) == test_y).float().mean().item()
print("test", accuracy)
