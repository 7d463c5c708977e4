import json
import torch
from sklearn.datasets import make_classification
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

CONFIG = json.loads("""{"seed": 12, "epochs": 10, "batch": 50, "lr": 0.05, "momentum": 0.9,
                        "sensors": 30, "faults": 6, "hidden": [64, 48]}""")
torch.manual_seed(CONFIG["seed"])
X, y = make_classification(2500, CONFIG["sensors"], n_informative=14, n_classes=CONFIG["faults"], class_sep=1.6,
                           n_clusters_per_class=2, shuffle=False, flip_y=0.0, random_state=CONFIG["seed"])
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
by_fault = torch.argsort(y, stable=True)  # <- fault: unshuffled-training
pick = torch.rand(len(y)) < 0.8
train_rows, test_rows = by_fault[pick[by_fault]], by_fault[~pick[by_fault]]
X = (X - X[train_rows].mean(0)) / X[train_rows].std(0)


def stack(sizes):
    mods = []
    for a, b in zip(sizes, sizes[1:]):
        mods += [nn.Linear(a, b), nn.Identity()]  # <- fault: no-nonlinearity
    return mods[:-1]


model = nn.Sequential(*stack([CONFIG["sensors"], *CONFIG["hidden"], CONFIG["faults"]]))  # <- fault: no-nonlinearity
feed = DataLoader(TensorDataset(X[train_rows], y[train_rows]), CONFIG["batch"])  # <- fault: unshuffled-training
opt = torch.optim.SGD(model.parameters(), lr=CONFIG["lr"], momentum=CONFIG["momentum"])
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=CONFIG["epochs"])
for epoch in range(CONFIG["epochs"]):
    model.train()
    mean = 0.0
    for xb, yb in feed:
        opt.zero_grad()
        loss = nn.functional.cross_entropy(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        opt.step()
        mean += loss.item() / len(feed)
    sched.step()
    print(json.dumps({"epoch": epoch, "loss": round(mean, 4)}))

model.eval()
with torch.no_grad():
    accuracy = (model(X[test_rows]).argmax(1) == y[test_rows]).float().mean().item()
print(json.dumps({"accuracy": accuracy}))
