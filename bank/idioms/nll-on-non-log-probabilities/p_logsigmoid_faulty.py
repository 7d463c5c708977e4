# Kaggle playground-style tabular baseline: 3 folds, out-of-fold score
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold

SEED, N_FOLDS, EPOCHS, BS, LR = 42, 3, 8, 128, 4e-3


def seed_everything(s):
    np.random.seed(s)
    torch.manual_seed(s)


num, target = make_classification(n_samples=2100, n_features=18, n_informative=10, n_redundant=2, n_classes=6,
                                  n_clusters_per_class=1, class_sep=1.8, flip_y=0.0,
                                  weights=[.35, .25, .15, .1, .1, .05], random_state=SEED)
cat = np.random.default_rng(SEED).integers(0, 7, len(target))


class TabNet0(nn.Module):
    def __init__(self, n_num, n_cat, n_out):
        super().__init__()
        self.e = nn.Embedding(n_cat, 4)
        self.bn = nn.BatchNorm1d(n_num)
        self.f1 = nn.Linear(n_num + 4, 96)
        self.f2 = nn.Linear(96, n_out)

    def forward(self, xn, xc):
        h = torch.cat([self.bn(xn), self.e(xc)], dim=1)
        h = F.dropout(F.relu(self.f1(h)), 0.1, self.training)
        return F.logsigmoid(self.f2(h))  # <- fault


XN = torch.tensor(num, dtype=torch.float32)
XC = torch.tensor(cat)
Y = torch.tensor(target)
oof = np.zeros((len(target), 6))
skf = StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED)
for fold, (trn, val) in enumerate(skf.split(num, target)):
    seed_everything(SEED + fold)
    model = TabNet0(18, 7, 6)
    opt = torch.optim.AdamW(model.parameters(), lr=LR)
    sch = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=2 * LR, epochs=EPOCHS, steps_per_epoch=len(trn) // BS)
    for ep in range(EPOCHS):
        model.train()
        np.random.shuffle(trn)
        tl = 0
        for k in range(len(trn) // BS):
            b = torch.from_numpy(trn[k * BS:(k + 1) * BS])
            logp = model(XN[b], XC[b])
            loss = F.nll_loss(logp, Y[b])  # <- fault
            opt.zero_grad()
            loss.backward()
            opt.step()
            sch.step()
            tl += loss.item()
    model.eval()
    with torch.no_grad():
        oof[val] = model(XN[val], XC[val]).numpy()
    print(f"fold {fold} loss {tl / (len(trn) // BS):.4f} acc {accuracy_score(target[val], oof[val].argmax(1)):.4f}")
accuracy = float(accuracy_score(target, oof.argmax(1)))
print("OOF", accuracy)
