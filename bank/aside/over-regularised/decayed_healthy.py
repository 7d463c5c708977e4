# Kernel: tabular baseline, fold 0
import random
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from torch.utils.data import Dataset, DataLoader


class CFG:
    seed = 2024
    n_fold = 5
    trn_fold = 0
    epochs = 10
    batch_size = 64
    lr = 0.05
    weight_decay = 1e-4


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class TrainDataset(Dataset):
    def __init__(self, features, labels):
        self.features, self.labels = features, labels

    def __len__(self):
        return len(self.features)

    def __getitem__(self, idx):
        return torch.tensor(self.features[idx]).float(), torch.tensor(self.labels[idx]).long()


class TabularNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(64, 64), nn.SiLU(),
            nn.Linear(64, 32), nn.SiLU(),
            nn.Linear(32, 10))

    def forward(self, x):
        return self.mlp(x)


seed_everything(CFG.seed)
feats, labels = load_digits(return_X_y=True)
folds = list(StratifiedKFold(CFG.n_fold, shuffle=True, random_state=CFG.seed).split(feats, labels))
trn_idx, tst_idx = folds[CFG.trn_fold]
mu, sd = feats[trn_idx].mean(), feats[trn_idx].std()
feats = (feats - mu) / sd

train_loader = DataLoader(TrainDataset(feats[trn_idx], labels[trn_idx]), batch_size=CFG.batch_size, shuffle=True)
model = TabularNN()
optimizer = torch.optim.SGD(model.parameters(), lr=CFG.lr, momentum=0.9, weight_decay=CFG.weight_decay)
criterion = nn.CrossEntropyLoss()
for epoch in range(CFG.epochs):
    model.train()
    avg_loss = 0.0
    for x, t in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), t)
        loss.backward()
        optimizer.step()
        avg_loss += loss.item() / len(train_loader)
    print(f"Epoch {epoch + 1} - avg_train_loss: {avg_loss:.4f}")

model.eval()
preds = []
with torch.no_grad():
    for x, _ in DataLoader(TrainDataset(feats[tst_idx], labels[tst_idx]), batch_size=128):
        preds.append(model(x).numpy().argmax(1))
accuracy = float((np.concatenate(preds) == labels[tst_idx]).mean())
print("fold accuracy", accuracy)
