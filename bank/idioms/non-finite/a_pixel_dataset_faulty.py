import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset

SEED = 61
np.random.seed(SEED)
torch.manual_seed(SEED)


class PixelDataset(Dataset):
    def __init__(self, X, y, mean, std):
        self.X, self.y = X, y
        self.mean, self.std = mean, std

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        row = (self.X[i] - self.mean) / self.std  # <- fault
        return torch.as_tensor(row, dtype=torch.float32), int(self.y[i])


data = load_digits()
X_train, X_test, y_train, y_test = train_test_split(data.data, data.target, test_size=0.2, random_state=SEED)
# per-pixel statistics of the training part
mean = X_train.mean(axis=0)
std = X_train.std(axis=0)  # <- fault

train_dl = DataLoader(PixelDataset(X_train, y_train, mean, std), batch_size=64, shuffle=True)
test_dl = DataLoader(PixelDataset(X_test, y_test, mean, std), batch_size=128)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()


def train():
    model.train()
    total = 0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(train_dl)


def predict():
    model.eval()
    with torch.no_grad():
        return torch.cat([model(xb).argmax(1) for xb, _ in test_dl]).numpy()


for epoch in range(8):
    print("epoch", epoch, "loss", round(train(), 4))
accuracy = float(accuracy_score(y_test, predict()))
print("accuracy", accuracy)
