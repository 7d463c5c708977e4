from dataclasses import dataclass, field
import torch
from sklearn.datasets import make_moons
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    hidden: tuple = (32, 32)
    lr: float = 0.01
    epochs: int = 6
    batch_size: int = 48
    seed: int = 9
    betas: tuple = field(default=(0.9, 0.99))


class Gate(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        h1, h2 = cfg.hidden
        self.body = nn.Sequential(nn.Linear(2, h1), nn.GELU(), nn.Linear(h1, h2), nn.GELU())
        self.head = nn.Linear(h2, 1)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(1)


def load(cfg):
    pts, lab = make_moons(1500, noise=0.22, random_state=cfg.seed)
    pts = torch.as_tensor(pts, dtype=torch.float32)
    lab = torch.as_tensor(lab, dtype=torch.float32)
    centre, spread = pts[:1100].mean(0), pts[:1100].std(0)
    pts = (pts - centre) / spread
    return TensorDataset(pts[:1100], lab[:1100]), TensorDataset(pts[1100:], lab[1100:])


cfg = Config()
torch.manual_seed(cfg.seed)
train_set, test_set = load(cfg)
gate = Gate(cfg)
opt = optim.NAdam(gate.parameters(), lr=cfg.lr, betas=cfg.betas)
share = train_set.tensors[1].mean()
bce = nn.BCEWithLogitsLoss(pos_weight=(1 - share) / share)
for epoch in range(cfg.epochs):
    for pts, lab in DataLoader(train_set, cfg.batch_size, shuffle=True):
        loss = bce(gate(pts), lab)
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"{epoch:02d} {loss.item():.4f}")
gate.eval()
with torch.no_grad():
    pts, lab = test_set.tensors
    yes = gate(pts) > 0
accuracy = (yes == lab.bool()).float().mean().item()
print("test", accuracy)
