"""Five folds, a new model in each; mean accuracy at the end."""

import numpy as np
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

EPOCHS = 10


class FlowerNet(nn.Module):
    def __init__(self, hidden_size=24):
        super().__init__()
        self.model = nn.Sequential(
            nn.Linear(4, hidden_size), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden_size, hidden_size), nn.ReLU()
        )
        self.classifier = nn.Linear(hidden_size, 3)

    def forward(self, x):
        features = self.model(x)
        logits = self.classifier(features)
        return logits


def fit_fold(net, loader, optimizer, scheduler):
    criterion = nn.CrossEntropyLoss()
    for epoch in range(EPOCHS):
        net.train()
        for features, species in loader:
            optimizer.zero_grad()
            loss = criterion(net(features), species)
            loss.backward()
            optimizer.step()
        scheduler.step()


def score_fold(net, loader):
    net.eval()
    n_correct = n_samples = 0
    with torch.inference_mode():
        for features, species in loader:
            n_correct += int((net(features).argmax(dim=1) == species).sum())
            n_samples += len(species)
    return n_correct / n_samples


def cross_validate():
    iris = load_iris()
    data = (iris.data - iris.data.mean(0)) / iris.data.std(0)
    dataset = TensorDataset(torch.tensor(data, dtype=torch.float32), torch.tensor(iris.target))
    scores = []
    folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=0).split(data, iris.target)
    for fold, (train_idx, valid_idx) in enumerate(folds):
        torch.manual_seed(fold)
        train_loader = DataLoader(Subset(dataset, train_idx), batch_size=16, shuffle=True)
        valid_loader = DataLoader(Subset(dataset, valid_idx), batch_size=16)
        net = FlowerNet()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
        fit_fold(net, train_loader, optimizer, scheduler)
        scores.append(score_fold(net, valid_loader))
    print(f"{np.mean(scores):.3f} +- {np.std(scores):.3f}")


cross_validate()
