"""Readmission model: 24 lab values, small ward, some labels uncertain."""
import numpy as np
import torch
from torch import nn, optim
from torch.nn.functional import cross_entropy

torch.manual_seed(8)
gen = np.random.default_rng(8)
LABS = 24
effect = np.zeros(LABS)
effect[:4] = (2.0, -1.5, 1.5, -1.0)


def cohort(n, doubt):
    labs = gen.normal(size=(n, LABS))
    risk = labs @ effect + 0.2 * labs[:, 0] * labs[:, 1]
    readmitted = (risk > 0).astype(np.int64)
    doubtful = gen.random(n) < doubt
    readmitted[doubtful] = 1 - readmitted[doubtful]
    return torch.tensor(labs, dtype=torch.float32), torch.tensor(readmitted)


x_train, y_train = cohort(400, 0.2)
x_val, y_val = cohort(600, 0.2)
x_test, y_test = cohort(2000, 0.0)  # reviewed twice

classifier = nn.Sequential(nn.Linear(LABS, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
adam = optim.Adam(classifier.parameters(), lr=1e-3)
rounds = 60  # <- fault


def assess(x, y):
    classifier.eval()
    with torch.no_grad():
        logits = classifier(x)
    classifier.train()
    return cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


for r in range(rounds):  # <- fault
    for idx in torch.randperm(len(x_train)).chunk(10):
        adam.zero_grad()
        cross_entropy(classifier(x_train[idx]), y_train[idx]).backward()
        adam.step()
    (lt, at), (lv, av) = assess(x_train, y_train), assess(x_val, y_val)
    if r % 3 == 0:
        print(f"round {r:3d}  train {lt:.3f}/{at:.3f}  val {lv:.3f}/{av:.3f}")

_, accuracy = assess(x_test, y_test)
print("test accuracy", round(accuracy, 3))
