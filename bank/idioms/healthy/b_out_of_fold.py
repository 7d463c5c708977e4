"""Five-fold cross-validation: every sample is held out once; folds share one seed for a paired comparison."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_digits(return_X_y=True)
oof = np.full(len(y), -1)
for fold, (tr, va) in enumerate(StratifiedKFold(5, shuffle=True, random_state=6).split(X, y)):
    torch.manual_seed(0)
    prep = make_pipeline(StandardScaler()).fit(X[tr])
    a, b = (torch.as_tensor(prep.transform(X[i]), dtype=torch.float32) for i in (tr, va))
    t = torch.as_tensor(y[tr])
    net = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Dropout(0.2), nn.Linear(100, 10))
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    net.train()
    for epoch in range(5):
        for ix in torch.randperm(len(a)).split(96):
            opt.zero_grad()
            nn.functional.cross_entropy(net(a[ix]), t[ix]).backward()
            opt.step()
    net.eval()
    with torch.no_grad():
        oof[va] = net(b).argmax(1).numpy()
    print(f"fold {fold}: {accuracy_score(y[va], oof[va]):.4f}")

print(confusion_matrix(y, oof))
accuracy = float(accuracy_score(y, oof))
print("out of fold", accuracy)
