import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split


class EarlyStopping:
    def __init__(self, patience=4):
        self.patience = patience
        self.best_score = None
        self.best_weights = None
        self.counter = 0

    def step(self, score, model):
        if self.best_score is None or score > self.best_score:
            self.best_score = score
            self.best_weights = model.state_dict()  # <- fault
            self.counter = 0
        else:
            self.counter += 1
        return self.counter >= self.patience


torch.manual_seed(77)
X, y = make_classification(n_samples=2000, n_features=25, n_informative=8, n_redundant=3, n_classes=3,
                           n_clusters_per_class=2, class_sep=1.3, random_state=77)
X_tr, X_tmp, y_tr, y_tmp = train_test_split(X, y, test_size=0.5, random_state=77)
X_va, X_te, y_va, y_te = train_test_split(X_tmp, y_tmp, test_size=0.6, random_state=77)
mu, sigma = X_tr.mean(0), X_tr.std(0)
prep = lambda a: torch.tensor((a - mu) / sigma, dtype=torch.float32)
X_tr, X_va, X_te = prep(X_tr), prep(X_va), prep(X_te)
y_tr, y_va, y_te = map(torch.tensor, (y_tr, y_va, y_te))

model = nn.Sequential(nn.Linear(25, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
loss_fn = nn.CrossEntropyLoss()
stopper = EarlyStopping(patience=5)
for epoch in range(20):
    model.train()
    for idx in torch.randperm(len(X_tr)).split(32):
        optimizer.zero_grad()
        loss_fn(model(X_tr[idx]), y_tr[idx]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        val_acc = (model(X_va).argmax(1) == y_va).float().mean().item()
    print(f"epoch {epoch}: val {val_acc:.4f}")
    if stopper.step(val_acc, model):
        print("stopping early")
        break

model.load_state_dict(stopper.best_weights)
model.eval()
with torch.no_grad():
    accuracy = (model(X_te).argmax(1) == y_te).float().mean().item()
print("test accuracy of the best epoch:", accuracy)
