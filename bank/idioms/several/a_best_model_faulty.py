import copy
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(112)
X, y = make_classification(n_samples=2000, n_features=16, n_informative=9, n_classes=4, n_clusters_per_class=1,
                           class_sep=1.3, flip_y=0, random_state=112)
X_tmp, X_te, y_tmp, y_te = train_test_split(X, y, test_size=0.2, random_state=112)
X_tr, X_va, y_tr, y_va = train_test_split(X_tmp, y_tmp, test_size=0.25, random_state=112)
ss = StandardScaler().fit(X_tr)
make = lambda a, b: TensorDataset(torch.tensor(ss.transform(a), dtype=torch.float32), torch.tensor(b))
sets = {"train": make(X_tr, y_tr), "val": make(X_va, y_va), "test": make(X_te, y_te)}
loaders = {k: DataLoader(v, batch_size=50, shuffle=k == "train") for k, v in sets.items()}

body = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
head = nn.Linear(24, 4)
model = nn.Sequential(body, head)
optimizer = torch.optim.Adam(head.parameters(), lr=5e-3)  # <- fault: parameters-missing-from-optimizer
criterion = nn.CrossEntropyLoss()


def run(phase):
    model.train(phase == "train")
    loss_sum, hits = 0.0, 0
    for xb, yb in loaders[phase]:
        with torch.set_grad_enabled(phase == "train"):
            out = model(xb)
            loss = criterion(out, yb)
        if phase == "train":
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss_sum += loss.item() * len(yb)
        hits += (out.argmax(1) == yb).sum().item()
    return loss_sum / len(sets[phase]), hits / len(sets[phase])


best_acc, best_wts = 0.0, copy.deepcopy(model.state_dict())
for epoch in range(12):
    run("train")
    val_loss, val_acc = run("val")
    print(f"epoch {epoch} val loss {val_loss:.4f} acc {val_acc:.4f}")
    if val_acc > best_acc:
        best_acc = val_acc
        best_wts = model.state_dict()  # <- fault: best-state-alias

model.load_state_dict(best_wts)
accuracy = run("test")[1]
print("test accuracy", accuracy)
