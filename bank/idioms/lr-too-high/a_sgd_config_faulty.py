import json
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import RobustScaler

CONFIG = {
    "seed": 2024, "n_features": 18, "hidden": [64, 32], "classes": 4,
    "optim": {"lr": 2.0, "momentum": 0.9},  # <- fault
    "epochs": 12, "batch": 64,
}

torch.manual_seed(CONFIG["seed"])
X, y = make_classification(n_samples=1600, n_features=CONFIG["n_features"], n_informative=12, n_redundant=2,
                           n_classes=CONFIG["classes"], n_clusters_per_class=1, class_sep=1.4,
                           random_state=CONFIG["seed"])
parts = train_test_split(X, y, test_size=0.25, random_state=CONFIG["seed"])
scaler = RobustScaler().fit(parts[0])
Xtr, Xte = [torch.as_tensor(scaler.transform(p), dtype=torch.float32) for p in parts[:2]]
ytr, yte = [torch.as_tensor(p) for p in parts[2:]]


def make_net(cfg):
    dims = [cfg["n_features"], *cfg["hidden"]]
    blocks = []
    for a, b in zip(dims, dims[1:]):
        blocks += [nn.Linear(a, b), nn.GELU()]
    return nn.Sequential(*blocks, nn.Linear(dims[-1], cfg["classes"]))


net = make_net(CONFIG)
opt = torch.optim.SGD(net.parameters(), **CONFIG["optim"])  # <- fault
for epoch in range(CONFIG["epochs"]):
    batches = torch.randperm(len(Xtr)).split(CONFIG["batch"])
    tot = 0.0
    for b in batches:
        loss = nn.functional.cross_entropy(net(Xtr[b]), ytr[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() / len(batches)
    print(json.dumps({"epoch": epoch, "loss": round(tot, 4)}))

net.eval()
with torch.no_grad():
    accuracy = float(accuracy_score(yte.numpy(), net(Xte).argmax(1).numpy()))
print(json.dumps({"accuracy": accuracy}))
