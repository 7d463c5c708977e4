import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(17)
np.random.seed(17)


class ChurnDataset(Dataset):
    def __init__(self, features, target):
        self.features = torch.tensor(features, dtype=torch.float32)
        self.target = torch.tensor(target, dtype=torch.float32)

    def __len__(self):
        return self.target.shape[0]

    def __getitem__(self, idx):
        return {"x": self.features[idx], "y": self.target[idx]}


X, y = make_classification(n_samples=2000, n_features=15, n_informative=9, weights=[0.6, 0.4],
                           class_sep=1.2, flip_y=0.0, random_state=17)
X_tr, X_val, y_tr, y_val = train_test_split(X, y, stratify=y, test_size=0.25, random_state=17)
scaler = StandardScaler()
X_tr = scaler.fit_transform(X_tr)
X_val = scaler.transform(X_val)
train_dl = DataLoader(ChurnDataset(X_tr, y_tr), batch_size=60, shuffle=True)
val_dl = DataLoader(ChurnDataset(X_val, y_val), batch_size=250)

model = nn.Sequential(
    nn.Linear(15, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(64, 1),
    nn.Sigmoid(),  # <- fault
)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)

for epoch in range(8):
    model.train()
    epoch_loss = 0
    for batch in train_dl:
        optimizer.zero_grad()
        y_pred = model(batch["x"])
        loss = criterion(y_pred, batch["y"].unsqueeze(1))
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item()
    print(f"Epoch {epoch:02}: | Loss: {epoch_loss / len(train_dl):.5f}")

model.eval()
scores, truth = [], []
with torch.no_grad():
    for batch in val_dl:
        scores.append(model(batch["x"]).squeeze(1).numpy())
        truth.append(batch["y"].numpy())
scores, truth = np.concatenate(scores), np.concatenate(truth)
print("AUC", roc_auc_score(truth, scores))
accuracy = float(accuracy_score(truth, scores > 0.5))
print("ACC", accuracy)
