import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

N_ANNOTATORS, N_CLASSES = 11, 10


def collect_votes(gold, seed):
    """a table (image, annotator): what each of the crowd workers answered"""
    rng = np.random.default_rng(seed)
    votes = np.repeat(gold[:, None], N_ANNOTATORS, axis=1)
    wrong = rng.random(votes.shape) < 0.3
    votes[wrong] = rng.integers(0, N_CLASSES, wrong.sum())
    return votes


digits = load_digits()
X_train, X_test, gold_train, y_test = train_test_split(
    digits.data.astype(np.float32), digits.target, test_size=0.25, random_state=77, stratify=digits.target)
votes = collect_votes(gold_train, seed=5)
y_train = np.array([np.bincount(v, minlength=N_CLASSES).argmax() for v in votes])

mean, std = X_train.mean(0), X_train.std(0) + 0.5
X_train, X_test = torch.from_numpy((X_train - mean) / std), torch.from_numpy((X_test - mean) / std)
torch.manual_seed(15)
loader = DataLoader(TensorDataset(X_train, torch.from_numpy(y_train)), batch_size=64, shuffle=True)

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    model.train()
    losses = []
    for xb, yb in loader:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(epoch, np.mean(losses).round(4))

model.eval()
with torch.no_grad():
    accuracy = float((model(X_test).argmax(1).numpy() == y_test).mean())
print("accuracy against the gold labels", accuracy)
