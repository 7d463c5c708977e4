import torch
from sklearn.datasets import make_blobs
from torch import nn


class Classifier(nn.Module):
    """scikit-like names on a torch module."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(n_features, 40), nn.Mish(), nn.Linear(40, 40), nn.Mish())
        self.W = nn.Parameter(torch.empty(n_classes, 40))
        self.c = nn.Parameter(torch.zeros(n_classes))
        nn.init.xavier_uniform_(self.W)

    def decision_function(self, x):
        return torch.addmm(self.c, self.enc(x), self.W.T)

    def predict_proba(self, x):
        return self.decision_function(x).softmax(-1)

    def predict(self, x):
        return self.predict_proba(x).argmax(-1)

    def loss(self, x, y, smoothing=0.0):
        return nn.functional.cross_entropy(self.predict_proba(x), y, label_smoothing=smoothing)  # <- fault


K = 15
pts, lab = make_blobs(3000, n_features=5, centers=K, cluster_std=1.5, random_state=71)
pts = torch.as_tensor(pts, dtype=torch.float32)
lab = torch.as_tensor(lab)
g = torch.Generator().manual_seed(71)
shuffled = torch.randperm(3000, generator=g)
dev, hold = shuffled[:2200], shuffled[2200:]
pts = (pts - pts[dev].mean(0)) / pts[dev].std(0)

torch.manual_seed(71)
clf = Classifier(5, K)
opt = torch.optim.SGD(clf.parameters(), lr=0.05, momentum=0.9)
step = 0
while step < 250:
    for rows in dev[torch.randperm(len(dev), generator=g)].split(44):
        clf.train()
        loss = clf.loss(pts[rows], lab[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
        if step % 50 == 0:
            print(step, f"{loss.item():.4f}")

clf.eval()
with torch.inference_mode():
    accuracy = clf.predict(pts[hold]).eq(lab[hold]).double().mean().item()
print(f"{accuracy=:.4f}")
