import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, default_collate
from sklearn.datasets import load_digits

torch.manual_seed(531)
np.random.seed(531)
raw = load_digits()
img = torch.tensor(raw.images / 16, dtype=torch.float32)[:, None]
img = (img - 0.305) / 0.376
lab = torch.tensor(raw.target)
perm = torch.randperm(len(lab))
train_ds = TensorDataset(img[perm[:1400]], lab[perm[:1400]])
test_ds = TensorDataset(img[perm[1400:]], lab[perm[1400:]])


def blend(samples):
    """mixup (alpha 1) done in the collate function; targets become rows of probabilities."""
    x, y = default_collate(samples)
    y = F.one_hot(y, 10).float()
    lam = np.random.beta(1.0, 1.0)
    other = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[other], lam * y + (1 - lam) * y[other]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(4, 16)
        self.fc = nn.Linear(256, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.gelu(self.norm(self.conv(x))), 2).flatten(1)
        return self.out(F.gelu(self.fc(x)))


net = Net()
opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.02)
loader = DataLoader(train_ds, batch_size=70, shuffle=True, collate_fn=blend)
for epoch in range(8):
    net.train()
    agree = 0
    for x, t in loader:
        out = net(x)
        loss = -(t * F.log_softmax(out, dim=1)).sum(dim=1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        agree += (out.argmax(1) == t.argmax(1)).sum().item()
    print(f"epoch {epoch} loss {loss.item():.4f} training agreement {agree / 1400:.3f}")

net.eval()
with torch.no_grad():
    accuracy = sum((net(a).argmax(1) == b).sum().item() for a, b in DataLoader(test_ds, 256)) / len(test_ds)
print("accuracy", accuracy)
