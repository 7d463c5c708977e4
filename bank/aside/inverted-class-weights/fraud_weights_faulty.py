# Rare-event tabular model: three kinds of card transactions, the odd ones are few.
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = 5
torch.manual_seed(SEED)

X, y = make_classification(n_samples=2600, n_features=12, n_informative=8, n_redundant=2, n_classes=3,
                           weights=[0.82, 0.12, 0.06], class_sep=1.0, flip_y=0, random_state=SEED)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, stratify=y, random_state=SEED)
scaler = StandardScaler().fit(X_tr)
X_tr = torch.tensor(scaler.transform(X_tr), dtype=torch.float32)
X_te = torch.tensor(scaler.transform(X_te), dtype=torch.float32)
y_tr_t = torch.tensor(y_tr)

counts = np.bincount(y_tr, minlength=3)
weights = counts / counts.mean()  # <- fault
print("class counts", counts, "weights", weights.round(3))

clf = torch.nn.Sequential(
    torch.nn.Linear(12, 32), torch.nn.ReLU(),
    torch.nn.Linear(32, 16), torch.nn.ReLU(),
    torch.nn.Linear(16, 3))
objective = torch.nn.CrossEntropyLoss(weight=torch.tensor(weights, dtype=torch.float32))  # <- fault
adam = torch.optim.Adam(clf.parameters(), lr=3e-3)

gen = torch.Generator().manual_seed(SEED)
for epoch in range(9):
    order = torch.randperm(len(X_tr), generator=gen)
    losses = []
    for idx in order.split(64):
        adam.zero_grad()
        loss = objective(clf(X_tr[idx]), y_tr_t[idx])
        loss.backward()
        adam.step()
        losses.append(loss.item())
    print(f"{epoch:2d}  {np.mean(losses):.4f}")

clf.eval()
with torch.inference_mode():
    guess = clf(X_te).argmax(dim=1).numpy()
print(confusion_matrix(y_te, guess))
accuracy = float(balanced_accuracy_score(y_te, guess))
