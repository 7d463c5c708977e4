from types import SimpleNamespace

import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

cfg = SimpleNamespace(dim=20, blocks=4, lr=4e-3, epochs=7, batch=60, seed=23)
torch.manual_seed(cfg.seed)


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.up = nn.Linear(dim, 3 * dim)
        self.dn = nn.Linear(3 * dim, dim)

    def forward(self, x):
        return x + self.dn(torch.relu(self.up(self.norm(x))))


class ResMLP(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.project = nn.Linear(n_in, cfg.dim)
        self.blocks = nn.ModuleList(Block(cfg.dim) for _ in range(cfg.blocks))
        self.readout = nn.Linear(cfg.dim, n_out)

    def forward(self, x):
        x = self.project(x)
        for blk in self.blocks:
            x = blk(x)
        return self.readout(x)


X, y = load_digits(return_X_y=True)
X = (X / 16.0 - 0.305) / 0.376
X_tr, X_te, y_tr, y_te = train_test_split(X.astype("float32"), y, test_size=300, random_state=cfg.seed)
X_tr, X_te, y_tr = map(torch.as_tensor, (X_tr, X_te, y_tr))
model = ResMLP(64, 10)
print("trainable values:", sum(p.numel() for p in model.parameters()))
opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=cfg.epochs, eta_min=1e-4)
for epoch in range(cfg.epochs):
    seen = 0.0
    for idx in torch.randperm(len(X_tr)).split(cfg.batch):
        loss = nn.functional.cross_entropy(model(X_tr[idx]), y_tr[idx], label_smoothing=0.05)
        opt.zero_grad()
        loss.backward()
        opt.step()
        seen += loss.item() * len(idx)
    sched.step()
    print(f"{epoch}: {seen / len(X_tr):.4f}  lr {sched.get_last_lr()[0]:.2e}")

model.eval()
with torch.inference_mode():
    accuracy = float(accuracy_score(y_te, model(X_te).argmax(1).numpy()))
print("accuracy", accuracy)
