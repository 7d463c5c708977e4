import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import f1_score, confusion_matrix
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

torch.manual_seed(7001)
X, y = make_classification(3000, 14, n_informative=8, n_classes=2, weights=[0.93], class_sep=1.6,
                           flip_y=0.005, random_state=70)
Xf, yf, Xh, yh = X[:2000], y[:2000], X[2000:], y[2000:]
mean, std = Xf.mean(0), Xf.std(0)
Xf, Xh = (torch.tensor((a - mean) / std).float() for a in (Xf, Xh))
yf, yh = torch.tensor(yf), torch.tensor(yh)

weight = torch.where(yf == 1, 4.0, 1.0).double()
loader = DataLoader(TensorDataset(Xf, yf), batch_size=64, sampler=WeightedRandomSampler(weight, 2000))


class FocalLoss(nn.Module):
    def __init__(self, gamma=2.0):
        super().__init__()
        self.gamma = gamma

    def forward(self, logit, target):
        bce = nn.functional.binary_cross_entropy_with_logits(logit, target, reduction="none")
        return ((1 - torch.exp(-bce)) ** self.gamma * bce).mean()


net = nn.Sequential(nn.Linear(14, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=6e-3, epochs=7, steps_per_epoch=len(loader))
focal = FocalLoss()
for epoch in range(7):
    net.train()
    for xb, yb in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logit = net(xb).squeeze(-1)
        loss = focal(logit.float(), yb.float())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()

net.eval()
with torch.no_grad():
    guess = (net(Xh).squeeze(-1) > 0).long()
print(confusion_matrix(yh, guess), "f1", f1_score(yh, guess))
accuracy = (guess == yh).double().mean().item()
print("share of the larger class", (yh == 0).double().mean().item(), "accuracy", accuracy)
