"""The same training from several seeds, with mean and deviation of the test accuracy."""

import random
import statistics

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


wine = load_wine()
features = torch.tensor((wine.data - wine.data.mean(0)) / wine.data.std(0), dtype=torch.float32)
classes = torch.tensor(wine.target)
perm = torch.randperm(len(features), generator=torch.Generator().manual_seed(9))
features, classes = features[perm], classes[perm]


def experiment(seed, epochs=6):
    set_seed(seed)
    model = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Dropout(0.1), nn.Linear(32, 3))
    loader = DataLoader(TensorDataset(features[:120], classes[:120]), batch_size=20, shuffle=True)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    objective = nn.CrossEntropyLoss()
    for _ in range(epochs):
        model.train()
        for batch in loader:
            inputs, wanted = batch
            optimizer.zero_grad()
            objective(model(inputs), wanted).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        guesses = model(features[120:]).argmax(1)
    return (guesses == classes[120:]).sum().item() / len(classes[120:])


if __name__ == "__main__":
    scores = []
    for seed in [1, 2, 3]:
        scores.append(experiment(seed))
    print(f"{statistics.mean(scores):.3f} +- {statistics.stdev(scores):.3f}")
