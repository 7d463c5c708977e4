import numpy as np
import torch
from sklearn.datasets import make_moons
from sklearn.metrics import accuracy_score

# two interlocking half-moons, several copies on a line, label = which moon
rng = np.random.RandomState(4)
parts = []
for shift in range(2):
    P, q = make_moons(1000, noise=0.1, random_state=shift)
    parts.append((P + [4 * shift, 0], q))
pts = np.concatenate([p for p, _ in parts])
lab = np.concatenate([q for _, q in parts])
o = rng.permutation(len(lab))
pts, lab = pts[o], lab[o]

n_tr, n_va = 1400, 300
m, s = pts[:n_tr].mean(0), pts[:n_tr].std(0)
pts = torch.tensor((pts - m) / s, dtype=torch.float32)
lab = torch.tensor(lab)

torch.manual_seed(4)
clf = torch.nn.Sequential(
    torch.nn.Linear(2, 64), torch.nn.Tanh(),
    torch.nn.Linear(64, 64), torch.nn.Tanh(),
    torch.nn.Linear(64, 2))
opt = torch.optim.Adam(clf.parameters(), lr=8e-3)

budget = 30  # <- fault
batch = 64
seen = 0
curve = []
while seen < budget:  # <- fault
    for idx in torch.randperm(n_tr).split(batch):
        if seen == budget:
            break
        clf.train()
        l = torch.nn.functional.cross_entropy(clf(pts[idx]), lab[idx])
        opt.zero_grad()
        l.backward()
        opt.step()
        seen += 1
    clf.eval()
    with torch.no_grad():
        v = torch.nn.functional.cross_entropy(clf(pts[n_tr:n_tr + n_va]), lab[n_tr:n_tr + n_va])
    curve.append(v.item())
    if len(curve) % 10 == 1:
        print(f"after {seen:4d} updates: val loss {curve[-1]:.4f}")

clf.eval()
with torch.no_grad():
    yhat = clf(pts[n_tr + n_va:]).softmax(1)[:, 1].numpy() > 0.5
accuracy = float(accuracy_score(lab[n_tr + n_va:].numpy(), yhat))
print(f"hold-out accuracy {accuracy:.4f}, final val loss {curve[-1]:.4f}")
