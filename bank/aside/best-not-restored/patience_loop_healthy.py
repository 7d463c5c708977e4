import copy
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

np.random.seed(2); torch.manual_seed(2)
X, y = make_moons(1400, noise=0.28, random_state=2)
X = np.concatenate([X, np.random.randn(len(X), 10)], axis=1).astype("float32")
X_dev, X_test, y_dev, y_test = train_test_split(X, y, test_size=600, random_state=0)
X_fit, X_val, y_fit, y_val = train_test_split(X_dev, y_dev, test_size=400, random_state=0)
mean, std = X_fit.mean(0), X_fit.std(0)
prep = lambda a: torch.from_numpy((a - mean) / std)
X_fit, X_val, X_test = map(prep, (X_fit, X_val, X_test))
y_fit, y_val, y_test = (torch.from_numpy(v).float() for v in (y_fit, y_val, y_test))

clf = nn.Sequential(nn.Linear(12, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1))
bce = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(clf.parameters(), lr=3e-3)


def score(xs, ys):
    clf.eval()
    with torch.no_grad():
        z = clf(xs).squeeze(1)
        return bce(z, ys).item(), ((z > 0).float() == ys).float().mean().item()


best_loss, best_weights, waited, patience = float("inf"), None, 0, 14
for epoch in range(60):
    clf.train()
    perm = torch.randperm(len(X_fit))
    for i in range(0, len(perm), 50):
        j = perm[i:i + 50]
        optimizer.zero_grad()
        bce(clf(X_fit[j]).squeeze(1), y_fit[j]).backward()
        optimizer.step()
    v_loss, v_acc = score(X_val, y_val)
    if v_loss < best_loss:
        best_loss, waited = v_loss, 0
        best_weights = copy.deepcopy(clf.state_dict())
        print(f"epoch {epoch}: new best {v_loss:.4f} ({v_acc:.3f})")
    else:
        waited += 1
        if waited >= patience:
            break

clf.load_state_dict(best_weights)
test_loss, accuracy = score(X_test, y_test)
print(f"test of the best model: loss {test_loss:.4f} acc {accuracy:.4f}")
